// Fields with several values. Each value is a chip, and a click removes it. The server renders the same markup.

const notifyChange = (list) => list.dispatchEvent(new Event("change", { bubbles: true }));

/** Adds a value to the chips of a field, unless it is there already. `label` is the text of the chip. */
export function addChip(list, text, label = text) {
  const exists = [...list.querySelectorAll("input")].some((input) => input.value === text);
  if (!text || exists) return;
  const name = list.dataset.chips;
  const chip = document.createElement("li");
  const input = Object.assign(document.createElement("input"), { type: "hidden", name, value: text });
  const caption = Object.assign(document.createElement("span"), { textContent: label });
  const remove = Object.assign(document.createElement("button"), { name: "drop", value: `${name}:${text}`, textContent: "×" });
  remove.ariaLabel = `Remove ${label}`;
  chip.className = "chip";
  chip.append(input, caption, remove);
  list.append(chip);
  notifyChange(list);
}

/** Lets a click on the button of a chip remove the chip, without a request to the server. */
export function removeOnClick(form) {
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=drop]");
    if (!button) return;
    event.preventDefault();
    const list = button.closest("[data-chips]");
    button.closest("li").remove();
    list.parentElement.querySelector("input:not([type=hidden]), select")?.focus();
    notifyChange(list);
  });
}

/**
 * Turns the typed text into a chip when the visitor presses Enter. With `eager`, a comma, a space or leaving the field
 * does the same. Returns a function that adds an option of a combobox.
 */
export function addOnEnter(input, { eager = false } = {}) {
  const list = input.parentElement.querySelector("[data-chips]");
  const add = () => {
    const texts = eager ? input.value.split(/[\s,;]+/) : [input.value];
    input.value = "";
    texts.forEach((text) => addChip(list, text));
  };
  input.addEventListener("keydown", (event) => {
    if (input.hasAttribute("aria-activedescendant")) return; // Enter chooses an option of the combobox
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
