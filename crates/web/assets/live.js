// What is being typed, as the phone would show it; asked for when the fingers rest.
const preview = document.querySelector("[data-preview]");
if (preview) {
  const form = preview.closest("form");
  let resting, asked = 0;
  const ask = async () => {
    const mine = ++asked;
    try {
      const body = new URLSearchParams(new FormData(form));
      const answer = await fetch(preview.dataset.preview, { method: "POST", body, credentials: "same-origin" });
      if (mine !== asked || answer.redirected) return;
      preview.hidden = answer.status !== 200;
      if (answer.status === 200) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        if (preview.textContent !== page.body.textContent) preview.replaceChildren(...page.body.childNodes);
      }
    } catch { /* it is said again when it is saved */ }
  };
  form.addEventListener("input", () => { clearTimeout(resting); resting = setTimeout(ask, 400); });
  if (form.elements.namedItem("name").value) ask();
}
// Live states: told that something changed, the page fetches the truth again. Without script, a reload does the same.
"use strict";
// Times in the reader's own zone.
for (const time of document.querySelectorAll("time")) {
  const style = { dateStyle: "medium", timeStyle: "short" };
  time.textContent = new Date(time.dateTime).toLocaleString(document.documentElement.lang, style);
}
if (document.querySelector("[data-testid=sum]")) {
  // The nodes stay, so that a screen reader hears the sum and the focus is not lost.
  const renew = (old, now) => {
    if (!old || !now || old.outerHTML === now.outerHTML) return;
    const focus = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.className = now.className;
    old.replaceChildren(...now.childNodes);
    if (focus) old.querySelector(`[href="${CSS.escape(focus)}"]`)?.focus();
  };
  follow("/live", (page) => {
    for (const part of [".sum", ".people", ".capacity"]) {
      renew(document.querySelector(part), page.querySelector(part));
    }
  });
}
