/* Canned replies: `/` in the reply opens them. The words come from the server and are shown as text. */
(() => {
  let all = [], found = [], at = 0, field = null, box = null;
  const SLASH = /(?:^|\s)\/([^\s/]*)$/;

  zg.replies = (replies) => { all = replies; };

  function typed() {
    const before = field.value.slice(0, field.selectionStart);
    const hit = SLASH.exec(before);
    return hit ? { word: hit[1].toLowerCase(), from: before.length - hit[1].length - 1 } : null;
  }

  function look(target) {
    field = target;
    const root = field.closest(".zg-composer");
    const hit = root.dataset.mode === "reply" && !field.hasAttribute("readonly") ? typed() : null;
    if (!hit) return close();
    const begins = all.filter((one) => one[0].startsWith(hit.word));
    found = [...begins, ...all.filter((one) => !begins.includes(one) && (one[0] + " " + one[1]).toLowerCase().includes(hit.word))].slice(0, 8);
    at = 0;
    found.length ? open(root) : close();
  }

  function open(root) {
    close();
    box = document.createElement("div");
    box.className = "zg-canned";
    box.id = "zg-canned";
    box.setAttribute("role", "listbox");
    box.setAttribute("aria-label", zgStart.words.canned);
    found.forEach((one, index) => {
      const row = document.createElement("div");
      row.setAttribute("role", "option");
      row.id = `zg-canned-${index}`;
      const short = document.createElement("b");
      short.textContent = "/" + one[0];
      const words = document.createElement("span");
      words.textContent = one[1];
      row.append(short, words);
      row.addEventListener("mousedown", (e) => { e.preventDefault(); put(index); });
      box.append(row);
    });
    root.prepend(box);
    field.setAttribute("aria-controls", box.id);
    field.setAttribute("aria-autocomplete", "list");
    mark();
  }

  function mark() {
    [...box.children].forEach((row, index) => {
      row.setAttribute("aria-selected", String(index === at));
      if (index === at) row.scrollIntoView({ block: "nearest" });
    });
    field.setAttribute("aria-activedescendant", `zg-canned-${at}`);
    zg.say(`/${found[at][0]}: ${found[at][1]}`);
  }

  function close() {
    if (!box) return;
    box.remove();
    box = null;
    field.removeAttribute("aria-controls");
    field.removeAttribute("aria-activedescendant");
  }

  function put(index) {
    const words = found[index][1], { from } = typed();
    const after = field.value.slice(field.selectionStart);
    field.value = field.value.slice(0, from) + words + after;
    close();
    field.dispatchEvent(new Event("input", { bubbles: true }));
    const target = field;
    setTimeout(() => zg.hole(target, from + words.length), 30);  // after the field has put its own cursor back
  }

  zg.hole = (target, otherwise) => {
    const hole = /\{[a-z]+\.[a-z]+\}/.exec(target.value);
    target.focus();
    hole ? target.setSelectionRange(hole.index, hole.index + hole[0].length) : target.setSelectionRange(otherwise, otherwise);
  };
  zg.wrote = () => setTimeout(() => {  // after words that the server put into the field
    const target = document.querySelector(".zg-field textarea");
    target.dispatchEvent(new Event("input", { bubbles: true }));
    zg.hole(target, target.value.length);
  }, 80);

  document.addEventListener("input", (e) => { if (e.target.matches(".zg-composer textarea")) look(e.target); });
  document.addEventListener("focusout", (e) => { if (box && e.target === field) close(); });
  document.addEventListener("keydown", (e) => {
    if (!box || e.isComposing || e.keyCode === 229) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[e.key];
    if (step) { at = (at + step + found.length) % found.length; mark(); }
    else if (e.key === "Enter" || e.key === "Tab") put(at);
    else if (e.key === "Escape") close();
    else return;
    e.preventDefault();
    e.stopImmediatePropagation();
  }, true);
})();
