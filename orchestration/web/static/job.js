// How far a report is: asks until it is over, then shows what became of it.

const page = location.pathname;
const began = performance.now() - 1000 * Number(document.querySelector("[data-seconds]").textContent);

setInterval(() => {
  document.querySelector("[data-seconds]").textContent = Math.round((performance.now() - began) / 1000);
}, 250);

document.querySelector("form[data-cancel]").addEventListener("submit", async (event) => {
  event.preventDefault(); // an entry of its own in the history would make Back come here again
  const csrf = event.target.elements.csrf.value;
  await fetch(event.target.action, { method: "POST", headers: { "X-CSRF-Token": csrf }, redirect: "manual" });
  location.replace(page);
});

async function look() {
  try {
    const answer = await fetch(`${page}/state`);
    const state = await answer.json();
    if (state.over) {
      location.replace(page);
      return;
    }
    document.querySelector("[data-doing]").textContent = state.doing;
    document.querySelector("form[data-cancel] button").disabled = !state.cancellable;
  } catch { /* the server may come back */ }
  setTimeout(look, 500);
}
look();
