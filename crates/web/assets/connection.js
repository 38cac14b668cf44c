// What is typed is never lost to a lost connection: such a form goes out only when the server answers.
"use strict";
const offline = document.querySelector("#offline");
/** Says whether the connection is lost. */
const lost = (is) => {
  offline.hidden = !is;
  document.body.classList.toggle("lost", is);
};
document.body.classList.add("live");
/** Told by `events` that something changed, fetches this page again and gives it to `swap`; one at a time. */
const follow = (events, swap) => {
  const source = new EventSource(events);
  let busy = false, again = false;
  const fresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (answer.redirected) { location.assign(answer.url); return; }
      if (answer.ok) swap(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch { /* the next event, or a reload, tries again */ }
    busy = false;
    if (again) { again = false; fresh(); }
  };
  // What happened between the page and the stream is fetched when the stream opens, the first time too.
  source.onopen = () => { lost(false); fresh(); };
  source.onerror = () => lost(true);
  source.onmessage = fresh;
};
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
