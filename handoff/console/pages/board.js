/* Keeps the board up to date: fetches its parts and puts in those that changed, but none that somebody is using. */
(() => {
  const EVERY_MS = 1000;
  const live = document.querySelector("[data-live]");
  let offset = Number(live.dataset.now) - Date.now();
  const two = (n) => String(n).padStart(2, "0");

  function span(ms) {
    const s = Math.floor(Math.abs(ms) / 1000);
    return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)} h`;
  }

  function tick() {
    const now = Date.now() + offset;
    for (const el of document.querySelectorAll("[data-time]")) el.textContent = span(now - Number(el.dataset.time));
  }

  const isUsed = (part) => part.querySelector("details[open]") || part.querySelector("input:focus, select:focus");

  function put(part, old) {
    const focused = old.contains(document.activeElement) && document.activeElement.getAttribute("aria-label");
    old.replaceWith(part);
    if (focused) [...part.querySelectorAll("[aria-label]")].find((el) => el.getAttribute("aria-label") === focused)?.focus();
  }

  async function look() {
    if (document.hidden) return;
    const answer = await fetch(live.dataset.live, { headers: { Accept: "text/html" } });
    if (answer.redirected) return location.assign(answer.url);
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("[data-live]");
    offset = Number(fresh.dataset.now) - Date.now();
    for (const part of fresh.querySelectorAll("[data-part]")) {
      const old = document.getElementById(part.id);
      if (old && old.dataset.is !== part.dataset.is && !isUsed(old)) put(part, old);
    }
    document.title = document.title.replace(/^\(\d+\) /, "");
    if (Number(fresh.dataset.waiting)) document.title = `(${fresh.dataset.waiting}) ${document.title}`;
  }

  async function loop() {
    const stale = document.getElementById("stale");
    try {
      await look();
      stale.hidden = true;
    } catch {
      stale.hidden = false;
    }
    tick();
    setTimeout(loop, EVERY_MS);
  }

  document.addEventListener("keydown", (e) => {
    if (e.key !== "Escape") return;
    for (const open of live.querySelectorAll("details[open]")) open.open = false;
  });
  loop();
})();
