// Links from the numbers and balances of clients to the drill-down, for visitors who are signed in. In a wide table a
// cell becomes a link when the pointer is over it.

/** Returns the parameters of the drill-down of a cell. `link` is the link of the report. */
function drilldownParameters(cell, link) {
  const row = cell.parentElement, table = cell.closest("table");
  const section = row.parentElement.querySelector(".section").textContent.trim();
  const stretches = [...cell.closest(".stretches")?.querySelectorAll(".stretch table") ?? [table]];
  const previousStretches = stretches.slice(0, stretches.indexOf(table));
  const column = previousStretches.reduce((sum, stretch) => sum + stretch.tHead.rows[0].cells.length - 1, cell.cellIndex - 1);
  const packages = [...document.querySelectorAll("details.package")];
  const parameters = new URLSearchParams(new URL(link, location.href).search);
  parameters.set("row", `${section}/${row.cells[0].textContent}`);
  parameters.set("column", column);
  parameters.set("block", Math.max(0, packages.indexOf(cell.closest("details.package"))));
  return parameters;
}

function addLink(cell, link) {
  if (cell.querySelector("a") || cell.className === "na") return;
  if (!cell.parentElement.parentElement.querySelector(".section").textContent.startsWith("Clients")) return;
  const anchor = document.createElement("a");
  anchor.href = `/drill?${drilldownParameters(cell, link)}`;
  anchor.append(cell.firstChild);
  cell.append(anchor);
}

/** Adds the links to the report inside an element. */
export function linkClients(element, link) {
  for (const cell of element.querySelectorAll(".report:not(.stretches *) tbody td")) addLink(cell, link);
  element.addEventListener("pointerover", ({ target }) => { if (target.matches("td")) addLink(target, link); });
}
