// Desk and console: live states, keys, and what the line means while it is typed. Without script every form works.
"use strict";
const $ = (selector, root = document) => root.querySelector(selector);
const main = () => $("#main");

// A refusal is drawn at the address of its form, which is no page: the call's own address is.
const here = main()?.dataset.call ? `/desk/calls/${main().dataset.call}` : null;
if (here && location.pathname !== here) history.replaceState(null, "", here);

// Minutes since, told by the server's instants.
const tick = () => document.querySelectorAll("[data-since]").forEach((clock) => {
  const seconds = Math.max(0, Math.floor((Date.now() - Number(clock.dataset.since)) / 1000));
  clock.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
});
tick();
setInterval(tick, 1000);

// Live: told that something changed, the page fetches the truth and swaps the parts that differ; fields stay.
const parts = (root) => [...root.querySelectorAll("[data-part]")];
const names = (root) => parts(root).map((part) => part.dataset.part).join();
const swap = (page) => {
  // Another stage (verified, hung up): the whole page is drawn anew, but what was typed stays.
  if (names(page) !== names(document)) {
    const typed = line()?.value;
    main().replaceWith($("#main", page));
    if (typed && line()) line().value = typed;
    ($("[autofocus]") ?? line())?.focus();
  } else {
    for (const old of parts(document)) renew(old, $(`[data-part="${old.dataset.part}"]`, page));
  }
  document.title = page.title;
  tick();
};
const renew = (old, now) => {
  const focus = document.activeElement;
  const inside = old.contains(focus);
  if (!now || now.outerHTML === old.outerHTML || (inside && focus.matches("input, select, textarea"))) return;
  const scroll = $(".people", old)?.scrollTop;
  old.replaceWith(now);
  if (scroll) $(".people", now).scrollTop = scroll;
  if (inside && focus.dataset.key) $(`[data-key="${focus.dataset.key}"]`, now)?.focus();
  choose(chosen());
};
if (main()?.dataset.live) follow(main().dataset.live, swap);

// The line: what was understood, alive while typing.
const line = () => $("#line");
let asked = 0;
const understand = async () => {
  const reading = $("#reading");
  if (!line() || !reading) return;
  const turn = ++asked;
  const query = new URLSearchParams({ line: line().value, chosen: chosen() });
  try {
    const answer = await fetch(`/desk/calls/${main().dataset.call}/reading?${query}`, { credentials: "same-origin" });
    const text = answer.ok && !answer.redirected ? await answer.text() : "";
    if (turn === asked) reading.innerHTML = text;
  } catch { /* typing goes on */ }
};
document.addEventListener("input", (event) => { if (event.target.id === "line") understand(); });
// What stands in the line comes back after another view of the same call (F1, F8, Ctrl+Enter).
const kept = `kith-line-${main()?.dataset.call ?? ""}`;
if (line() && !line().value) line().value = sessionStorage.getItem(kept) ?? "";
addEventListener("pagehide", () => { if (line()) sessionStorage.setItem(kept, line().value); });
if (line()?.value) understand();

// Typing is kept when the connection is lost: a form goes out only when the server answers.
let sending = false;
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.id !== "line-form" || event.defaultPrevented) return;
  event.preventDefault();
  // One at a time; what is typed meanwhile stays.
  if (sending) return;
  sending = true;
  const sent = line()?.value ?? "";
  try {
    const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), credentials: "same-origin" });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const now = page.querySelector("#main");
    if (!now) { location.reload(); return; }
    if (answer.redirected) history.replaceState(null, "", answer.url);
    const typed = line()?.value ?? "";
    main().replaceWith(now);
    document.title = page.title;
    if (typed !== sent && line()) line().value = typed;
    ($("[data-mode] [autofocus]") ?? line())?.focus();
    choose(chosen());
    tick();
    lost(false);
  } catch { lost(true); }
  sending = false;
});

// The chosen person.
const chosen = () => $("#chosen")?.value ?? "";
const choose = (id) => {
  for (const person of document.querySelectorAll(".person")) {
    person.classList.toggle("chosen", person.dataset.id === id && id !== "");
  }
  if ($("#chosen")) $("#chosen").value = id;
  $(".person.chosen")?.scrollIntoView({ block: "nearest" });
};
const move = (by) => {
  const people = [...document.querySelectorAll(".person")];
  const at = people.findIndex((person) => person.dataset.id === chosen());
  const next = people[at === -1 ? (by > 0 ? 0 : people.length - 1) : Math.min(people.length - 1, Math.max(0, at + by))];
  if (next) choose(next.dataset.id);
  understand();
};

// Keys. Single letters act only in the read-back card; every key is a button too, and all can be turned off.
const keysOff = () => localStorage.getItem("kith-keys") === "off";
const name = (event) => (event.ctrlKey || event.metaKey ? "Ctrl+" : "") + (event.key === " " ? "Space" : event.key.length === 1 && event.ctrlKey ? event.key.toUpperCase() : event.key);
// A focused button or link takes its own Space.
const onAnother = (target, key) => target.matches?.("button, a") && target.dataset.key !== key;
const press = (key) => {
  const button = [...document.querySelectorAll(`[data-key="${key}"]`)].find((found) => found.offsetParent !== null);
  if (!button) return false;
  button.click();
  return true;
};
document.addEventListener("keydown", (event) => {
  // Enter that belongs to an input method never commits.
  if (event.isComposing || event.keyCode === 229) { if (event.key === "Enter") event.preventDefault(); return; }
  if (keysOff()) return;
  const key = name(event);
  const inLine = event.target === line();
  const inField = event.target.matches?.("input:not([type=checkbox],[type=radio]),select,textarea");
  const empty = !line() || line().value === "";
  const mode = $("[data-mode]")?.dataset.mode;
  let done = false;
  if (key === "Ctrl+K" && $("#find")) {
    $("#find").focus();
    done = true;
  } else if (/^F\d$/.test(key) || key === "Ctrl+Enter") {
    done = key === "F1" && line() ? (location.assign(`?mode=keys`), true) : press(key);
  } else if ((key === "Ctrl+Z" || key === "Ctrl+Y") && (!inField || (inLine && empty))) {
    done = press(key);
  } else if (key === "Escape") {
    done = press("Escape");
    if (!done && line()) { line().focus(); done = true; }
  } else if (mode === "read" && !inField && (key === "x" || (key === "Space" && !onAnother(event.target, key)))) {
    done = press(key);
  } else if (!mode && (key === "ArrowDown" || key === "ArrowUp") && (inLine || event.target.id === "people")) {
    move(key === "ArrowDown" ? 1 : -1);
    done = true;
  } else if (key === "Enter" && ((inLine && empty) || event.target.id === "people") && chosen()) {
    location.assign(`?open=${encodeURIComponent(chosen())}`);
    done = true;
  } else if (key === "Delete" && ((inLine && empty) || event.target.id === "people") && chosen()) {
    location.assign(`?open=${encodeURIComponent(chosen())}#delete`);
    done = true;
  } else if (!mode && /^[1-9]$/.test(key) && !inField) {
    done = press(key);
  } else if (key === "Enter" && event.target === document.body && $("[data-testid=answer]")) {
    $("[data-testid=answer]").click();
    done = true;
  }
  if (done) event.preventDefault();
});
if (location.hash === "#delete") $("[data-testid=open-delete]")?.focus();
const keysSwitch = $("#keys-switch");
if (keysSwitch) {
  const say = () => { keysSwitch.textContent = keysOff() ? keysSwitch.dataset.on : keysSwitch.dataset.off; };
  keysSwitch.hidden = false;
  keysSwitch.onclick = () => { localStorage.setItem("kith-keys", keysOff() ? "on" : "off"); say(); };
  say();
}
