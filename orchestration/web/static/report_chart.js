// The chart, drawn here so that it can be pointed at; a change of the form changes chart and address.

import { d3Locale, localise } from "./numbers.js";

const choices = document.getElementById("choices");
const darkness = matchMedia("(prefers-color-scheme: dark)");
let latest = 0; // an answer that comes after a later one is dropped

async function draw() {
  const place = document.getElementById("drawing");
  if (!place) return;
  localise(document.getElementById("result"));
  place.textContent = "Drawing …";
  try {
    const [answer] = await Promise.all([
      fetch(place.dataset.spec + (darkness.matches ? "&theme=dark" : "")),
      import(place.dataset.vega),
    ]);
    const spec = await answer.json();
    // An SVG can be read aloud, a canvas can hold ten thousand points.
    const renderer = spec.data.values.length > 1000 ? "canvas" : "svg";
    // The content policy forbids eval: `ast` has Vega interpret its expressions, and all styles are in report.css.
    await vegaEmbed(place, { ...spec, width: "container" }, {
      renderer, ast: true, actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true }, formatLocale: d3Locale(),
    });
  } catch {
    place.textContent = "The chart cannot be drawn here. Its numbers are below.";
  }
}

async function change() {
  const now = ++latest, asked = new URLSearchParams(new FormData(choices));
  for (const [name, value] of [...asked]) if (!value) asked.delete(name, value);
  const address = `/chart?${asked}`;
  const answer = await fetch(address);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (now !== latest) return;
  for (const other of page.querySelectorAll("noscript")) other.remove(); // it was parsed as if nothing ran here
  for (const part of ["#result", ".presets"]) document.querySelector(part).replaceWith(page.querySelector(part));
  document.title = page.title;
  history.replaceState(null, "", address);
  await draw();
}

choices.addEventListener("change", change);
choices.addEventListener("submit", (event) => { event.preventDefault(); change(); });
darkness.addEventListener("change", draw);
draw();
