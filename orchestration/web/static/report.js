// The report page: numbers in the visitor's locale, packages to collapse, the link, and the header of the visitor.

import { formatTables } from "./numbers.js";
import { linkClients } from "./report_clients.js";

const statusMessage = document.querySelector(".status-message");
const copy = document.getElementById("copy-link");
const fold = document.getElementById("fold-all");
const menu = document.querySelector(".menu");

formatTables(document);

copy.hidden = false;
copy.addEventListener("click", async () => {
  const link = new URL(copy.dataset.link, location.href).href;
  try {
    await navigator.clipboard.writeText(link);
    statusMessage.textContent = "The link is copied. Anyone with the link can open this report.";
  } catch {
    statusMessage.textContent = `Copy this link: ${link}`; // browsers allow the clipboard only with https
  }
});

if (fold) {
  const packages = [...document.querySelectorAll("details.package")];
  const allClosed = () => packages.every((details) => !details.open);
  fold.hidden = false;
  fold.addEventListener("click", () => {
    const open = allClosed();
    for (const details of packages) details.open = open;
  });
  for (const details of packages) {
    details.addEventListener("toggle", () => { fold.textContent = allClosed() ? "Expand all" : "Collapse all"; });
  }
}

document.addEventListener("click", ({ target }) => { if (!menu.contains(target)) menu.open = false; });
menu.addEventListener("keydown", ({ key }) => {
  if (key !== "Escape") return;
  menu.open = false;
  menu.querySelector("summary").focus();
});

// All visitors share this page, so each one fetches their own header.
const response = await fetch("/view/header").catch(() => null);
if (response?.ok) {
  const header = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("header");
  document.querySelector("header").replaceWith(header);
  if (header.querySelector("nav")) linkClients(document.querySelector(".scroll"), copy.dataset.link);
}
