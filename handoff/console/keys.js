/* The key map of `zgStart.keys`, drafts that are kept while they grow, and Esc, which leaves whatever is open. */
(() => {
  const KEEP_AFTER_MS = 700;
  const waiting = new Map();

  function keep(field) {
    const root = field.closest(".zg-composer"), { talk, mode } = root.dataset;
    clearTimeout(waiting.get(talk));
    waiting.set(talk, setTimeout(() => {
      waiting.delete(talk);
      emitEvent("zg-draft", [talk, mode, field.value]);
    }, KEEP_AFTER_MS));
  }

  const writing = (el) => /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName) || el.isContentEditable;
  const dialog = () => document.querySelector(".q-dialog__inner");

  function action(e) {
    const mod = e.ctrlKey || e.metaKey;
    for (const key of zgStart.keys) {
      if (key.sign ? key.sign === e.key && !mod && !e.altKey && !writing(e.target)
                   : key.code === e.code && key.alt === e.altKey && key.mod === mod && !e.shiftKey) return key.action;
    }
    return null;
  }

  function search() {
    const field = document.querySelector(".zg-search input");
    if (document.querySelector(".zg-list").offsetParent === null) emitEvent("zg-key", "list");
    if (field) { field.focus(); field.select(); }
  }

  document.addEventListener("input", (e) => { if (e.target.matches(".zg-composer textarea")) keep(e.target); });
  document.addEventListener("keydown", (e) => {
    if (dialog() || e.isComposing || e.keyCode === 229 || e.getModifierState("AltGraph")) return;
    if (e.key === "Escape") {
      if (writing(e.target)) e.target.blur();
      emitEvent("zg-key", "escape");
      return;
    }
    const what = action(e);
    if (!what) return;
    e.preventDefault();
    const field = document.querySelector(".zg-field textarea");
    if ((what === "reply" || what === "note") && field && field.offsetParent) field.focus();  // the next key is meant for it
    what === "search" ? search() : emitEvent("zg-key", what);
  });
})();
