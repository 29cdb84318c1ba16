// The Save Query form: chips for mail addresses, suggestions for the timezone.

import { addOnEnter, removeOnClick } from "./chips.js";
import { combobox, search } from "./combobox.js";

const form = document.getElementById("save-query");
form.classList.add("enhanced");
removeOnClick(form);
form.querySelectorAll("[data-adds]").forEach((input) => addOnEnter(input, { eager: true }));
for (const input of form.querySelectorAll("[data-search]")) {
  combobox(input, (text) => search(input.dataset.search, text), (option) => { input.value = option.value; });
}
form.querySelector("[aria-invalid=true]")?.focus();
