/* What the browser does by itself: ticking times, keys, the end of the thread, title, cookies of taste. */
document.documentElement.lang = zgStart.lang;
(() => {
  let offset = zgStart.now - Date.now();
  const now = () => Date.now() + offset;
  const two = (n) => String(n).padStart(2, "0");

  function span(ms) {
    const s = Math.max(0, Math.floor(ms / 1000));
    if (s < 3600) return `${Math.floor(s / 60)}:${two(s % 60)}`;
    if (s < 86400) return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)}`;
    return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
  }

  function moment(ms) {
    const at = new Date(ms), today = new Date(now());
    const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
    return at.toDateString() === today.toDateString() ? time : `${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}`;
  }

  function write(el, words) {
    if (el.textContent !== words) el.textContent = words;
  }

  function tick() {
    for (const el of document.querySelectorAll("[data-since]")) {
      const ms = now() - Number(el.dataset.since);
      write(el, span(ms));
      if (!el.classList.contains("zg-waits")) continue;
      el.classList.toggle("zg-slow", ms > 120000 && ms <= 600000);
      el.classList.toggle("zg-late", ms > 600000);
    }
    for (const el of document.querySelectorAll("[data-at]")) {
      write(el, (el.dataset.words || "{}").replace("{}", moment(Number(el.dataset.at))));
    }
    for (const el of document.querySelectorAll("[data-until]")) {
      const ms = Number(el.dataset.until) - now();
      write(el, ms > 0 ? span(ms) : zgStart.words.over);
      el.classList.toggle("zg-slow", ms <= 7200000 && ms > 1800000);
      el.classList.toggle("zg-late", ms <= 1800000);
    }
  }

  let tune = null, unreadBefore = null;
  function ring() {
    if (document.querySelector(".zg-root").dataset.sound !== "1") return;
    try {
      tune = tune || new AudioContext();
      [[660, 0], [880, 0.12]].forEach(([hertz, after]) => {
        const tone = tune.createOscillator(), loud = tune.createGain(), at = tune.currentTime + after;
        tone.frequency.value = hertz;
        loud.gain.setValueAtTime(0.08, at);
        loud.gain.exponentialRampToValueAtTime(0.0001, at + 0.25);
        tone.connect(loud).connect(tune.destination);
        tone.start(at);
        tone.stop(at + 0.26);
      });
      document.documentElement.dataset.rang = String(1 + Number(document.documentElement.dataset.rang || 0));
    } catch { /* no sound on this machine; the badge in the title is there */ }
  }

  window.zg = {
    fresh(serverNow, unread) {
      if (Math.abs(serverNow - now()) > 2000) offset = serverNow - Date.now();
      const title = document.title.replace(/^\(\d+\) /, "");
      document.title = unread ? `(${unread}) ${title}` : title;
      if (unreadBefore !== null && unread > unreadBefore) ring();
      unreadBefore = unread;
      requestAnimationFrame(tick);
    },
    bottom(always) {
      const lines = document.querySelector(".zg-lines");
      if (!lines) return;
      const near = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 240;
      if (always || near) requestAnimationFrame(() => requestAnimationFrame(() => (lines.scrollTop = lines.scrollHeight)));
    },
    say(words) {
      write(document.querySelector(".zg-live"), words);
    },
    said(root) {
      const field = root && root.querySelector("textarea");
      const words = field ? field.value.trim() : "";
      if (!words && !(root && root.dataset.picture)) return null;
      field.value = "";
      field.dispatchEvent(new Event("input", { bubbles: true }));
      const { talk, mode } = root.dataset;
      return [talk, words, zg.hold(talk, mode, words), mode];
    },
    putBack([talk, words, key]) {
      const root = document.querySelector(".zg-composer"), field = root.querySelector("textarea");
      if (root.dataset.talk === talk && field.value) return;  // other words stand there: these stay under the field
      if (key) zg.went(key);
      if (root.dataset.talk !== talk) return;
      field.value = words;
      field.dispatchEvent(new Event("input", { bubbles: true }));
      zg.hole(field, words.length);
    },
    pick(root) {
      zg.uploader(root).pickFiles();
    },
    uploader(root) {
      return getElement(Number(root.dataset.upload)).$refs.qRef;
    },
    address(id) {
      history.replaceState(null, "", `?c=${encodeURIComponent(id)}`);
    },
    keep(name, value) {
      document.cookie = `${name}=${value}; path=/console; max-age=31536000; samesite=lax`;
    },
    dark() {
      Quasar.Dark.set(!Quasar.Dark.isActive);
      zg.keep("zg_dark", Quasar.Dark.isActive ? "1" : "0");
    },
  };

  document.addEventListener("paste", (e) => {
    const root = e.target.closest(".zg-composer");
    const pictures = [...(e.clipboardData ? e.clipboardData.files : [])].filter((f) => f.type.startsWith("image/"));
    if (!root || !pictures.length || !root.querySelector(".zg-attach:not(.hidden)")) return;
    e.preventDefault();
    zg.uploader(root).addFiles(pictures.slice(0, 1));
  });
  document.addEventListener("DOMContentLoaded", () => {
    setInterval(tick, 1000);
    const times = ["data-since", "data-at", "data-words", "data-until"];
    new MutationObserver(() => requestAnimationFrame(tick)).observe(document.body, {
      childList: true, subtree: true, attributes: true, attributeFilter: times,
    });
  });
})();
