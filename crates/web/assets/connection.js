// What is typed is never lost to a lost connection: such a form goes out only when the server answers.
"use strict";
const offline = document.querySelector("#offline");
/** Says whether the connection is lost. */
const lost = (is) => {
  offline.hidden = !is;
  document.body.classList.toggle("lost", is);
};
document.body.classList.add("live");
if (!navigator.onLine) lost(true);
addEventListener("offline", () => lost(true));
addEventListener("online", () => lost(false));
const answers = async () => {
  try {
    return (await fetch("/health", { cache: "no-store" })).ok;
  } catch {
    return false;
  }
};
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post" || "fetched" in form.dataset) return;
  if ("sure" in form.dataset) { delete form.dataset.sure; return; }
  // A bare button loses nothing, unless it is known already that nobody answers.
  const typed = form.querySelector("input:not([type=hidden]), select, textarea");
  if (!typed && offline.hidden) return;
  event.preventDefault();
  if ("asked" in form.dataset) return;
  form.dataset.asked = "";
  const well = await answers();
  delete form.dataset.asked;
  lost(!well);
  if (well) {
    form.dataset.sure = "";
    form.requestSubmit(event.submitter);
  }
});
