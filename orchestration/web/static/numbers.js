// Cells of report tables as the reader writes numbers, and the stored value of each on demand.

const styles = {
  whole: new Intl.NumberFormat(),
  money: new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
};
const stored = new WeakMap();
const number = /(?<![\d.])\u2212?\d[\d\u202f]*(\.\d\d)?(?![\d.])/; // a quantity or an amount; a rate stays as it is
const plain = (text) => text.replaceAll("\u202f", "").replace("\u2212", "-");

// A string is formatted, not a number: an amount of 18 digits keeps its cents.
export function write(cell) {
  stored.set(cell, plain(cell.textContent.trim()));
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const written = text.data.replace(number, (found, cents) =>
      styles[cents ? "money" : "whole"].format(plain(found)).replace("-", "\u2212"));
    if (written !== text.data) text.data = written;
  }
}

// What is far away is written before it comes into sight, while it is not laid out and costs nothing.
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    for (const cell of target.querySelectorAll(target.matches(".list") ? ".list td.number" : "td")) write(cell);
  }
}, { rootMargin: "1500px 4000px", scrollMargin: "1500px 4000px" });

export function localise(place) {
  for (const table of place.querySelectorAll(".stretch, .report:not(.stretches *), .list")) near.observe(table);
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
