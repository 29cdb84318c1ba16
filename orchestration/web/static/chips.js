// Fields that take several texts: each becomes a chip that goes with a click. The server writes the same markup.

const changed = (list) => list.dispatchEvent(new Event("change", { bubbles: true }));

/** Adds a text to the chips of a field, once. `label` is what it is called where that is not the text. */
export function addChip(list, text, label = text) {
  const there = [...list.querySelectorAll("input")].some((input) => input.value === text);
  if (!text || there) return;
  const name = list.dataset.chips;
  const chip = document.createElement("li");
  const input = Object.assign(document.createElement("input"), { type: "hidden", name, value: text });
  const shown = Object.assign(document.createElement("span"), { textContent: label });
  const remove = Object.assign(document.createElement("button"), { name: "drop", value: `${name}:${text}`, textContent: "×" });
  remove.ariaLabel = `Remove ${label}`;
  chip.className = "chip";
  chip.append(input, shown, remove);
  list.append(chip);
  changed(list);
}

/** Makes the chips of a form go with a click, without asking the server. */
export function removeOnClick(form) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=drop]");
    if (!button) return;
    event.preventDefault();
    const list = button.closest("[data-chips]");
    button.closest("li").remove();
    list.parentElement.querySelector("input:not([type=hidden]), select")?.focus();
    changed(list);
  });
}

/** Makes what is typed into a field a chip, by Enter; with `eager` by a comma, a space or leaving the field too. */
export function addOnEnter(input, { eager = false } = {}) {
  const list = input.parentElement.querySelector("[data-chips]");
  const add = () => {
    const texts = eager ? input.value.split(/[\s,;]+/) : [input.value];
    input.value = "";
    texts.forEach((text) => addChip(list, text));
  };
  input.addEventListener("keydown", (event) => {
    if (input.hasAttribute("aria-activedescendant")) return; // an option of the list is meant
    if (input.value && (event.key === "Enter" || (eager && [",", ";", " "].includes(event.key)))) {
      event.preventDefault();
      add();
    } else if (event.key === "Backspace" && !input.value) {
      list.querySelector("li:last-child button")?.click();
    }
  });
  if (eager) input.addEventListener("blur", add);
  return (option) => {
    input.value = "";
    addChip(list, option.value);
  };
}
