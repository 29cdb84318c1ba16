// A field with suggestions: the ARIA combobox for mouse, keyboard and screen readers.

let listCount = 0;

/**
 * Adds suggestions to a field.
 *
 * `find(text)` returns the options, or a promise of them: [{ value, label, note, group }].
 * `choose(option)` is called with the chosen option. Escape closes the list, the arrow keys move in it, and Enter or
 * Tab chooses an option.
 */
export function combobox(input, find, choose) {
  const list = document.createElement("ul");
  list.id = `list-${++listCount}`;
  list.className = "options";
  list.role = "listbox";
  list.ariaLabel = input.labels?.[0]?.textContent ?? input.ariaLabel ?? "";
  list.hidden = true;
  input.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, autocomplete: "off",
  })) input.setAttribute(name, value);

  let options = [], active = -1, requestCount = 0, timer;

  function close() {
    requestCount += 1;
    clearTimeout(timer);
    list.hidden = true;
    options = [];
    highlight(-1);
    input.setAttribute("aria-expanded", "false");
  }

  function highlight(index) {
    list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    active = index;
    const option = list.querySelector(`[data-index="${index}"]`);
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  async function open(text = input.value) {
    const request = ++requestCount;
    let matches;
    try {
      matches = await find(text.trim());
    } catch {
      return; // the server does not answer; it validates the text when the form is sent
    }
    if (request !== requestCount || document.activeElement !== input) return;
    options = matches;
    list.replaceChildren(...renderOptions(matches, list.id));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    highlight(-1);
  }

  function take(index) {
    const option = options[index];
    close();
    choose(option);
  }

  input.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(open, 120);
  });
  input.addEventListener("click", () => list.hidden && open(input.dataset.adds === undefined ? "" : input.value));
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list.hidden) open(input.dataset.adds === undefined ? "" : input.value);
      else if (options.length) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        highlight((active + step + options.length + (active < 0 && step < 0 ? 1 : 0)) % options.length);
      }
    } else if (event.key === "Escape" && !list.hidden) {
      event.preventDefault();
      close();
    } else if ((event.key === "Enter" || event.key === "Tab") && !list.hidden && active >= 0) {
      if (event.key === "Enter") {
        event.preventDefault();
        event.stopImmediatePropagation();
      }
      take(active);
    }
  });
  list.addEventListener("mousedown", (event) => {
    event.preventDefault(); // keep the focus in the field
    const option = event.target.closest("[role=option]");
    if (option) take(Number(option.dataset.index));
  });
}

function renderOptions(options, id) {
  if (!options.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = "no matches";
    none.role = "presentation";
    return [none];
  }
  let group;
  return options.flatMap(({ label, note, group: optionGroup }, index) => {
    const items = [];
    if (optionGroup && optionGroup !== group) {
      const heading = document.createElement("li");
      heading.className = "group";
      heading.role = "presentation";
      heading.textContent = group = optionGroup;
      items.push(heading);
    }
    const option = document.createElement("li");
    option.role = "option";
    option.id = `${id}-${index}`;
    option.dataset.index = index;
    option.ariaSelected = "false";
    option.append(label);
    if (note) {
      const noteElement = document.createElement("small");
      noteElement.textContent = note;
      option.append(" ", noteElement);
    }
    items.push(option);
    return items;
  });
}

/** Returns the matches of the server. `kind` is tags, owners, packages, currencies or timezones. */
export async function search(kind, text) {
  const response = await fetch(`/search/${kind}?${new URLSearchParams({ q: text })}`);
  if (!response.ok) throw new Error(response.statusText);
  return (await response.json()).matches;
}
