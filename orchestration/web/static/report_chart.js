// The chart page: draws an interactive chart. A change of the form changes the chart and the address.

import { d3Locale, formatTables } from "./numbers.js";

const form = document.getElementById("choices");
const darkMode = matchMedia("(prefers-color-scheme: dark)");
let latestRequest = 0; // the response to an earlier request is ignored

async function draw() {
  const drawing = document.getElementById("drawing");
  if (!drawing) return;
  formatTables(document.getElementById("result"));
  drawing.textContent = "Drawing …";
  try {
    const [response] = await Promise.all([
      fetch(drawing.dataset.spec + (darkMode.matches ? "&theme=dark" : "")),
      import(drawing.dataset.vega),
    ]);
    const spec = await response.json();
    // Screen readers can read an SVG. A canvas is faster for many points.
    const renderer = spec.data.values.length > 1000 ? "canvas" : "svg";
    // The content policy forbids eval and inline styles: `ast` makes Vega interpret its expressions, and report.css
    // holds the styles.
    await vegaEmbed(drawing, { ...spec, width: "container" }, {
      renderer, ast: true, actions: false, defaultStyle: false, tooltip: { disableDefaultStyle: true }, formatLocale: d3Locale(),
    });
  } catch {
    drawing.textContent = "The chart cannot be drawn in this browser. The numbers are below.";
  }
}

async function change() {
  const request = ++latestRequest, parameters = new URLSearchParams(new FormData(form));
  for (const [name, value] of [...parameters]) if (!value) parameters.delete(name, value);
  const address = `/chart?${parameters}`;
  const response = await fetch(address);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  if (request !== latestRequest) return;
  for (const element of page.querySelectorAll("noscript")) element.remove(); // DOMParser parses their content as elements
  for (const part of ["#result", ".presets"]) document.querySelector(part).replaceWith(page.querySelector(part));
  document.title = page.title;
  history.replaceState(null, "", address);
  await draw();
}

form.addEventListener("change", change);
form.addEventListener("submit", (event) => { event.preventDefault(); change(); });
darkMode.addEventListener("change", draw);
draw();
