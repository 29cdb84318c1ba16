// The progress page: polls the state of the job until it is over, then loads the page with the result.

const address = location.pathname;
const seconds = document.querySelector("[data-seconds]");
const startedAt = performance.now() - 1000 * Number(seconds.textContent);

setInterval(() => {
  seconds.textContent = Math.round((performance.now() - startedAt) / 1000);
}, 250);

document.querySelector("form[data-cancel]").addEventListener("submit", async (event) => {
  event.preventDefault(); // a normal submit would add an entry to the history, and Back would return here
  const csrf = event.target.elements.csrf.value;
  await fetch(event.target.action, { method: "POST", headers: { "X-CSRF-Token": csrf }, redirect: "manual" });
  location.replace(address);
});

async function poll() {
  try {
    const response = await fetch(`${address}/state`);
    const state = await response.json();
    if (state.over) {
      location.replace(address);
      return;
    }
    document.querySelector("[data-step]").textContent = state.step;
    document.querySelector("form[data-cancel] button").disabled = !state.cancellable;
  } catch { /* the server may come back */ }
  setTimeout(poll, 500);
}
poll();
