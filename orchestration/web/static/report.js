// The report page: numbers as the reader writes them, packages that fold, the link, and what a visitor may do more.

import { localise } from "./numbers.js";
import { linkClients } from "./report_clients.js";

const said = document.querySelector(".said");
const copy = document.getElementById("copy-link");
const fold = document.getElementById("fold-all");
const menu = document.querySelector(".menu");

localise(document);

copy.hidden = false;
copy.addEventListener("click", async () => {
  const link = new URL(copy.dataset.link, location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    said.textContent = "The link is copied. Whoever has it can open this report.";
  } catch {
    said.textContent = `Copy this link: ${link}`; // without https there is no clipboard
  }
});

if (fold) {
  const packages = [...document.querySelectorAll("details.package")];
  const allClosed = () => packages.every((one) => !one.open);
  fold.hidden = false;
  fold.addEventListener("click", () => {
    const open = allClosed();
    for (const one of packages) one.open = open;
  });
  for (const one of packages) {
    one.addEventListener("toggle", () => { fold.textContent = allClosed() ? "Expand all" : "Collapse all"; });
  }
}

document.addEventListener("click", ({ target }) => { if (!menu.contains(target)) menu.open = false; });
menu.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// The page itself is kept for all who have the link; who is looking is asked for apart.
const answer = await fetch("/view/header").catch(() => null);
if (answer?.ok) {
  const header = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("header");
  document.querySelector("header").replaceWith(header);
  if (header.querySelector("nav")) linkClients(document.querySelector(".scroll"), copy.dataset.link);
}
