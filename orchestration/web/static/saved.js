// Save Query: addresses become chips, zones are searched.

import { addOnEnter, removeOnClick } from "./chips.js";
import { combobox, search } from "./combobox.js";

const form = document.getElementById("save");
form.classList.add("enhanced");
removeOnClick(form);
form.querySelectorAll("[data-adds]").forEach((input) => addOnEnter(input, { eager: true }));
for (const input of form.querySelectorAll("[data-search]")) {
  combobox(input, (text) => search(input.dataset.search, text), (option) => { input.value = option.value; });
}
form.querySelector("[aria-invalid=true]")?.focus();
