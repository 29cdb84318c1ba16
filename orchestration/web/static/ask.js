// The query form: searches, a menu of filters, fields that come and go, and an address that says what is asked.

import { addChip, addOnEnter, removeOnClick } from "./chips.js";
import { combobox, search } from "./combobox.js";

const form = document.getElementById("ask");
const field = (name) => form.elements[name];
form.classList.add("enhanced");

removeOnClick(form);
for (const input of form.querySelectorAll("[data-adds], [data-search]")) {
  const kind = input.dataset.search;
  const take = "adds" in input.dataset ? addOnEnter(input, { eager: !kind }) : (option) => {
    input.value = option.value;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  if (kind) combobox(input, (text) => search(kind, text), take);
}

// Group by: one time group at most.
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

// Additional filters come from a menu that is searched by their names, and go with a click.
const filters = [...form.querySelectorAll("[data-filter]")];
const menu = document.createElement("div");
menu.className = "field";
const menuField = Object.assign(document.createElement("input"), { id: "add-filter", placeholder: "Add a filter …" });
menuField.ariaLabel = "Add a filter";
menu.append(menuField);
filters.at(-1).after(menu);

for (const filter of filters) {
  const remove = Object.assign(document.createElement("button"), { type: "button", className: "remove", textContent: "×" });
  remove.ariaLabel = remove.title = `Remove the filter ${filter.dataset.filter}`;
  remove.addEventListener("click", () => {
    filter.querySelectorAll("li").forEach((chip) => chip.remove());
    filter.querySelector("input").value = "";
    show(filter, false);
    menuField.focus();
    form.dispatchEvent(new Event("change"));
  });
  filter.querySelector(".box").append(remove);
  show(filter, Boolean(filter.querySelector("li, .problem")));
}

combobox(
  menuField,
  (text) => filters
    .filter((filter) => filter.hidden && filter.dataset.filter.toLowerCase().includes(text.toLowerCase()))
    .map((filter) => ({ value: filter, label: filter.dataset.filter, group: filter.dataset.group })),
  ({ value: filter }) => {
    menuField.value = "";
    show(filter, true);
    filter.querySelector("input:not([type=hidden])").focus();
  },
);
menuField.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());

function show(part, shown) {
  part.hidden = !shown;
  part.querySelectorAll("input, select").forEach((input) => { input.disabled = !shown; });
}

// What does not count is not shown: exact times, the number of a `last`, addresses with Web.
function settle() {
  for (const part of form.querySelectorAll("[data-for-interval]")) {
    show(part, part.dataset.forInterval === field("interval").value);
  }
  show(form.querySelector("[data-for-files]"), field("output").value !== "web");
  menu.hidden = filters.every((filter) => !filter.hidden);
}

/** What is asked, as the parameters of an address. */
function asked() {
  const given = [...new FormData(form)].filter(([name, value]) => value && !["csrf", "token", "last", "unit"].includes(name));
  return new URLSearchParams(given.map(([name, value]) =>
    name === "interval" && value === "last" ? [name, `last ${field("last").value} ${field("unit").value}`] : [name, value]));
}

let telling;
async function tellInterval() {
  telling?.abort();
  telling = new AbortController();
  try {
    const answer = await fetch(`/search/interval?${asked()}`, { signal: telling.signal });
    document.getElementById("interval-now").textContent = (await answer.json()).words;
  } catch { /* it only helps to read */ }
}

function keepInAddress() {
  history.replaceState(null, "", `/?${asked()}`);
}

form.addEventListener("change", (event) => {
  settle();
  keepInAddress();
  if (["interval", "last", "unit", "from", "to", "timezone"].includes(event.target.name)) tellInterval();
});
settle();
if (location.pathname !== "/") keepInAddress();

// A day can be picked from the browser's calendar.
for (const name of ["from", "to"]) {
  const picker = Object.assign(document.createElement("input"), { type: "date", className: "picker", tabIndex: -1 });
  const button = Object.assign(document.createElement("button"), { type: "button", className: "calendar", textContent: "▾" });
  picker.ariaHidden = "true";
  button.ariaLabel = `Pick the day ${name === "from" ? "it begins" : "it ends"}`;
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

// One click, one report: the server sees to that by the token; here it is said.
let sent = false;
form.addEventListener("submit", (event) => {
  if (sent) event.preventDefault();
  sent = true;
  const button = event.submitter;
  if (button?.value === "query") form.querySelector("button.main").textContent = "Making the report …";
});
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  sent = false; // the page was kept as it was left: another click is another report
  form.querySelector("button.main").textContent = "Query";
  field("token").value = crypto.randomUUID();
});

form.querySelector("[aria-invalid=true]")?.focus();
