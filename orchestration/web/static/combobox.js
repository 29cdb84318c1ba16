// A field that finds while somebody types: the ARIA combobox, with mouse, keys and screen readers.

let lists = 0;

/**
 * `find(text)` gives, at once or as a promise, what to offer: [{ value, label, note, group }].
 * `choose(option)` is called with the one that was chosen. Escape closes, arrows walk, Enter or Tab choose.
 */
export function combobox(input, find, choose) {
  const list = document.createElement("ul");
  list.id = `list-${++lists}`;
  list.className = "options";
  list.role = "listbox";
  list.ariaLabel = input.labels?.[0]?.textContent ?? input.ariaLabel ?? "";
  list.hidden = true;
  input.after(list);
  for (const [name, value] of Object.entries({
    role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id, autocomplete: "off",
  })) input.setAttribute(name, value);

  let offered = [], active = -1, asked = 0, timer;

  function close() {
    asked += 1;
    clearTimeout(timer);
    list.hidden = true;
    offered = [];
    mark(-1);
    input.setAttribute("aria-expanded", "false");
  }

  function mark(index) {
    list.querySelector("[aria-selected=true]")?.setAttribute("aria-selected", "false");
    active = index;
    const option = list.querySelector(`[data-index="${index}"]`);
    option?.setAttribute("aria-selected", "true");
    option?.scrollIntoView({ block: "nearest" });
    if (option) input.setAttribute("aria-activedescendant", option.id);
    else input.removeAttribute("aria-activedescendant");
  }

  async function open(text = input.value) {
    const mine = ++asked;
    let found;
    try {
      found = await find(text.trim());
    } catch {
      return; // the server does not answer: what is typed is checked when the form is sent
    }
    if (mine !== asked || document.activeElement !== input) return;
    offered = found;
    list.replaceChildren(...rows(found, list.id));
    list.hidden = false;
    input.setAttribute("aria-expanded", "true");
    mark(-1);
  }

  function take(index) {
    const option = offered[index];
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
      else if (offered.length) {
        const step = event.key === "ArrowDown" ? 1 : -1;
        mark((active + step + offered.length + (active < 0 && step < 0 ? 1 : 0)) % offered.length);
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
    event.preventDefault(); // the field keeps the focus
    const option = event.target.closest("[role=option]");
    if (option) take(Number(option.dataset.index));
  });
}

function rows(found, id) {
  if (!found.length) {
    const none = document.createElement("li");
    none.className = "none";
    none.textContent = "nothing found";
    none.role = "presentation";
    return [none];
  }
  let group;
  return found.flatMap((each, index) => {
    const made = [];
    if (each.group && each.group !== group) {
      const heading = document.createElement("li");
      heading.className = "group";
      heading.role = "presentation";
      heading.textContent = group = each.group;
      made.push(heading);
    }
    const option = document.createElement("li");
    option.role = "option";
    option.id = `${id}-${index}`;
    option.dataset.index = index;
    option.ariaSelected = "false";
    option.append(each.label);
    if (each.note) {
      const note = document.createElement("small");
      note.textContent = each.note;
      option.append(" ", note);
    }
    made.push(option);
    return made;
  });
}

/** What the server finds of a kind (tags, owners, packages, currencies, timezones). */
export async function search(kind, text) {
  const answer = await fetch(`/search/${kind}?${new URLSearchParams({ q: text })}`);
  if (!answer.ok) throw new Error(answer.statusText);
  return (await answer.json()).found;
}
