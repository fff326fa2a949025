/* What an agent has said and the server has not yet said to have: it stays in this browser, so that neither a lost
   connection nor a closed page loses it. On return it stands over the field, to be sent or thrown away; but first the
   server is asked whether it had it after all, and only its word was lost. */
(() => {
  const NAME = `zg-unsent:${zgStart.agent}`, KEPT_MS = 86400000, SHOWN_AFTER_MS = 2000;
  let shown = "", asked = new Set();

  function newKey() {
    return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function all() {
    try {
      return JSON.parse(localStorage.getItem(NAME) || "[]").filter((one) => one.at > Date.now() - KEPT_MS);
    } catch {
      return [];
    }
  }

  function put(items) {
    try {
      items.length ? localStorage.setItem(NAME, JSON.stringify(items)) : localStorage.removeItem(NAME);
    } catch { /* a browser that keeps nothing: then the words are only on their way */ }
    show();
  }

  zg.hold = (talk, mode, words) => {
    const key = newKey();
    if (words) put([...all(), { key, talk, mode, words, at: Date.now() }]);
    return key;
  };
  zg.went = (key) => put(all().filter((one) => one.key !== key));

  function button(words, act) {
    const made = document.createElement("button");
    made.type = "button";
    made.className = "zg-unsent-button";
    made.textContent = words;
    made.addEventListener("click", () => { made.disabled = true; act(); });
    return made;
  }

  function row(one, isUp) {
    const made = document.createElement("div"), head = document.createElement("b"), said = document.createElement("span");
    const { words } = zgStart;
    made.className = "zg-unsent-row";
    head.textContent = `${words[isUp ? "unsent" : "unsent_waits"]} · ${words[one.mode === "note" ? "note" : "reply"]}`;
    said.textContent = one.words;
    made.append(head, said);
    if (isUp) {  // else it may still leave by itself, and could not be held back
      made.append(button(words.send, () => emitEvent("zg-unsent", [one.talk, one.mode, one.words, one.key])));
      made.append(button(words.discard, () => zg.went(one.key)));
    }
    return made;
  }

  function show() {
    const root = document.querySelector(".zg-composer"), place = document.querySelector(".zg-unsent");
    if (!place) return;
    const isUp = navigator.onLine && Boolean(window.socket?.connected);
    const late = all().filter((one) => one.at < Date.now() - SHOWN_AFTER_MS);
    if (!isUp) asked = new Set();
    const unasked = late.map((one) => one.key).filter((key) => isUp && !asked.has(key));
    if (unasked.length) {
      asked = new Set([...asked, ...unasked]);
      emitEvent("zg-unsent-ask", unasked);
    }
    const here = late.filter((one) => one.talk === root.dataset.talk);
    for (const card of document.querySelectorAll(".zg-card[data-talk]")) {
      const waits = late.some((one) => one.talk === card.dataset.talk);
      waits ? card.setAttribute("data-unsent", zgStart.words.unsent) : card.removeAttribute("data-unsent");
    }
    const now = JSON.stringify([isUp, here.map((one) => one.key)]);
    if (now === shown && place.childElementCount === here.length) return;
    shown = now;
    place.replaceChildren(...here.map((one) => row(one, isUp)));
  }

  document.addEventListener("DOMContentLoaded", () => setInterval(show, 500));
})();
