// The query form: searches, a menu of filters, fields that appear when needed, and an address that is always current.

import { addChip, addOnEnter, removeOnClick } from "./chips.js";
import { combobox, search } from "./combobox.js";

const form = document.getElementById("query-form");
const field = (name) => form.elements[name];
form.classList.add("enhanced");

removeOnClick(form);
for (const input of form.querySelectorAll("[data-adds], [data-search]")) {
  const kind = input.dataset.search;
  const choose = "adds" in input.dataset ? addOnEnter(input, { eager: !kind }) : (option) => {
    input.value = option.value;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  if (kind) combobox(input, (text) => search(kind, text), choose);
}

// Group by: a query has at most one time group.
const groupBy = document.getElementById("group_by");
groupBy.addEventListener("change", () => {
  const list = groupBy.parentElement.querySelector("[data-chips]");
  const { value, text } = groupBy.selectedOptions[0];
  groupBy.value = "";
  if (!value) return;
  if (value !== "package_name") {
    list.querySelectorAll("input:not([value=package_name])").forEach((input) => input.closest("li").remove());
  }
  addChip(list, value, text);
});

// A menu adds a filter, and a button beside the filter removes it.
const filters = [...form.querySelectorAll("[data-filter]")];
const menu = document.createElement("div");
menu.className = "field";
const menuInput = Object.assign(document.createElement("input"), { id: "add-filter", placeholder: "Add a filter …" });
menuInput.ariaLabel = "Add a filter";
menu.append(menuInput);
filters.at(-1).after(menu);

for (const filter of filters) {
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "remove", textContent: "×" });
  remove.ariaLabel = remove.title = `Remove the filter ${filter.dataset.filter}`;
  remove.addEventListener("click", () => {
    filter.querySelectorAll("li").forEach((chip) => chip.remove());
    filter.querySelector("input").value = "";
    setVisible(filter, false);
    menuInput.focus();
    form.dispatchEvent(new Event("change"));
  });
  filter.querySelector(".box").append(remove);
  setVisible(filter, Boolean(filter.querySelector("li, .problem")));
}

combobox(
  menuInput,
  (text) => filters
    .filter((filter) => filter.hidden && filter.dataset.filter.toLowerCase().includes(text.toLowerCase()))
    .map((filter) => ({ value: filter, label: filter.dataset.filter, group: filter.dataset.group })),
  ({ value: filter }) => {
    menuInput.value = "";
    setVisible(filter, true);
    filter.querySelector("input:not([type=hidden])").focus();
  },
);
menuInput.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());

/** Shows or hides a part of the form. The browser does not send hidden fields. */
function setVisible(part, visible) {
  part.hidden = !visible;
  part.querySelectorAll("input, select").forEach((input) => { input.disabled = !visible; });
}

// Hide the fields that have no effect: exact times, the number of `last`, and addresses with the type Web.
function updateVisibility() {
  for (const part of form.querySelectorAll("[data-for-interval]")) {
    setVisible(part, part.dataset.forInterval === field("interval").value);
  }
  setVisible(form.querySelector("[data-for-files]"), field("output").value !== "web");
  menu.hidden = filters.every((filter) => !filter.hidden);
}

/** Returns the form as the parameters of an address. */
function queryParameters() {
  const ignored = ["csrf", "token", "last", "unit"];
  const pairs = [...new FormData(form)].filter(([name, value]) => value && !ignored.includes(name));
  return new URLSearchParams(pairs.map(([name, value]) =>
    name === "interval" && value === "last" ? [name, `last ${field("last").value} ${field("unit").value}`] : [name, value]));
}

let intervalRequest;
async function describeInterval() {
  intervalRequest?.abort();
  intervalRequest = new AbortController();
  try {
    const response = await fetch(`/search/interval?${queryParameters()}`, { signal: intervalRequest.signal });
    document.getElementById("interval-description").textContent = (await response.json()).words;
  } catch { /* the description is only a help */ }
}

function updateAddress() {
  history.replaceState(null, "", `/?${queryParameters()}`);
}

form.addEventListener("change", (event) => {
  updateVisibility();
  updateAddress();
  if (["interval", "last", "unit", "from", "to", "timezone"].includes(event.target.name)) describeInterval();
});
updateVisibility();
if (location.pathname !== "/") updateAddress();

// A button opens the browser's calendar.
for (const name of ["from", "to"]) {
  const picker = Object.assign(document.createElement("input"), { type: "date", className: "picker", tabIndex: -1 });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "calendar", textContent: "▾" });
  picker.ariaHidden = "true";
  button.ariaLabel = name === "from" ? "Choose the first day" : "Choose the last day";
  button.addEventListener("click", () => {
    picker.value = field(name).value.slice(0, 10);
    picker.showPicker();
  });
  picker.addEventListener("change", (event) => {
    event.stopPropagation();
    field(name).value = picker.value;
    field(name).dispatchEvent(new Event("change", { bubbles: true }));
  });
  field(name).after(button, picker);
}

// A double click sends the form once. The server ensures it by the token, this code only avoids the second request.
let sent = false;
form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
  const button = event.submitter;
  if (button?.value === "query") form.querySelector("button.main").textContent = "Computing the report …";
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  sent = false; // the visitor came back to this page: another click requests another report
  form.querySelector("button.main").textContent = "Query";
  field("token").value = crypto.randomUUID();
});

form.querySelector("[aria-invalid=true]")?.focus();
