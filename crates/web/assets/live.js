// Live states: told that something changed, the page fetches the truth again. Without script, a reload does the same.
"use strict";
if (document.querySelector("[data-testid=sum]")) {
  const source = new EventSource("/live");
  let busy = false, again = false;
  const fresh = async () => {
    if (busy) { again = true; return; }
    busy = true;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (answer.ok && !answer.redirected) {
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        for (const part of [".sum", ".people"]) {
          const old = document.querySelector(part), now = page.querySelector(part);
          if (old && now && old.outerHTML !== now.outerHTML) old.replaceWith(now);
        }
      }
    } catch { /* the next event, or a reload, tries again */ }
    busy = false;
    if (again) { again = false; fresh(); }
  };
  source.onopen = fresh;
  source.onmessage = fresh;
}
