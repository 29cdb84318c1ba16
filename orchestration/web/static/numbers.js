// Formats the cells of report tables in the visitor's locale, and shows the stored value of a cell on hover.

const formats = {
  integer: new Intl.NumberFormat(),
  money: new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 }),
};
const storedValues = new WeakMap();
const numberPattern = /(?<![\d.])\u2212?\d[\d\u202f]*(\.\d\d)?(?![\d.])/; // a quantity or an amount, but not a rate
const toPlain = (text) => text.replaceAll("\u202f", "").replace("\u2212", "-");

/** Formats the number of a cell. It formats a string, because a JavaScript number would lose digits of large amounts. */
export function formatCell(cell) {
  storedValues.set(cell, toPlain(cell.textContent.trim()));
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const text = texts.currentNode;
    const formatted = text.data.replace(numberPattern, (number, cents) =>
      formats[cents ? "money" : "integer"].format(toPlain(number)).replace("-", "\u2212"));
    if (formatted !== text.data) text.data = formatted;
  }
}

// Format a table before it becomes visible: as long as the browser has not laid it out, a change is cheap.
const observer = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    observer.unobserve(target);
    for (const cell of target.querySelectorAll(target.matches(".list") ? ".list td.number" : "td")) formatCell(cell);
  }
}, { rootMargin: "1500px 4000px", scrollMargin: "1500px 4000px" });

/** Formats all tables inside an element, each one shortly before it becomes visible. */
export function formatTables(element) {
  for (const table of element.querySelectorAll(".stretch, .report:not(.stretches *), .list")) observer.observe(table);
}

document.addEventListener("pointerover", ({ target }) => {
  const cell = target.closest("td");
  if (storedValues.has(cell)) cell.title = storedValues.get(cell);
});

/** Returns the visitor's locale for d3, which draws the axes of charts. */
export function d3Locale() {
  const symbol = (type, number) => formats.money.formatToParts(number).find((part) => part.type === type)?.value ?? "";
  return { decimal: symbol("decimal", 0.5), thousands: symbol("group", 1e7), grouping: [3], currency: ["", ""] };
}
