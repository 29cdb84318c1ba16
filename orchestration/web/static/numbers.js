// Cells of report tables as the reader writes numbers, and the stored value of each on demand.

const styles = {
  whole: new Intl.NumberFormat(),
  money: new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
};
const stored = new WeakMap();

// A string is formatted, not a number: an amount of 18 digits keeps its cents.
function write(cell) {
  const text = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT).nextNode();
  const value = text.data.replaceAll("\u202f", "").replace("\u2212", "-");
  stored.set(cell, value);
  if (value === "N/A") return;
  text.data = styles[value.includes(".") ? "money" : "whole"].format(value).replace("-", "\u2212");
}

// What is far away is written before it comes into sight, while it is not laid out and costs nothing.
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    for (const cell of target.querySelectorAll("td")) write(cell);
  }
}, { rootMargin: "1500px 4000px", scrollMargin: "1500px 4000px" });

export function localise(place) {
  for (const table of place.querySelectorAll(".stretch, .report:not(.stretches *)")) near.observe(table);
}

document.addEventListener("pointerover", ({ target }) => {
  const cell = target.closest("td");
  if (stored.has(cell)) cell.title = stored.get(cell);
});

// How d3, which writes the axes of charts, is told the same.
export function d3Locale() {
  const sign = (type, number) => styles.money.formatToParts(number).find((part) => part.type === type)?.value ?? "";
  return { decimal: sign("decimal", 0.5), thousands: sign("group", 1e7), grouping: [3], currency: ["", ""] };
}
