// Numbers of clients and their balances lead to the clients behind them, for whoever is signed in. In a wide table a
// cell becomes a link when it is pointed at.

function address(cell, link) {
  const row = cell.parentElement, table = cell.closest("table");
  const section = row.parentElement.querySelector(".section").textContent.trim();
  const stretches = [...cell.closest(".stretches")?.querySelectorAll(".stretch table") ?? [table]];
  const before = stretches.slice(0, stretches.indexOf(table));
  const column = before.reduce((sum, one) => sum + one.tHead.rows[0].cells.length - 1, cell.cellIndex - 1);
  const packages = [...document.querySelectorAll("details.package")];
  const asked = new URLSearchParams(new URL(link, location.href).search);
  asked.set("row", `${section}/${row.cells[0].textContent}`);
  asked.set("column", column);
  asked.set("block", Math.max(0, packages.indexOf(cell.closest("details.package"))));
  return asked;
}

function makeLink(cell, link) {
  if (cell.querySelector("a") || cell.className === "na") return;
  if (!cell.parentElement.parentElement.querySelector(".section").textContent.startsWith("Clients")) return;
  const anchor = document.createElement("a");
  anchor.href = `/drill?${address(cell, link)}`;
  anchor.append(cell.firstChild);
  cell.append(anchor);
}

export function linkClients(place, link) {
  for (const cell of place.querySelectorAll(".report:not(.stretches *) tbody td")) makeLink(cell, link);
  place.addEventListener("pointerover", ({ target }) => { if (target.matches("td")) makeLink(target, link); });
}
