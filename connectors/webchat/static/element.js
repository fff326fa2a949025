// <zhanggui-chat src-base="/webchat/shop" lang="zh">: the customers' chat. No dependencies.
// Whatever anybody wrote reaches the page through textContent only.
(() => {
"use strict";

const LABELS = {
  zh: {
    message: "消息", send: "发送", hint: "输入消息…", log: "聊天记录", other: "English",
    online: "在线", offline: "连接中断，正在重连…", connecting: "正在连接…", waiting: "等待发送", failed: "未能发送",
    typing: "正在输入", latest: "新消息", chat: "在线客服", you: "你", bot: "智能助手", agent: "人工客服", campaign: "店铺活动",
  },
  en: {
    message: "message", send: "send", hint: "Write a message…", log: "Chat history", other: "中文",
    online: "Online", offline: "Connection lost, reconnecting…", connecting: "Connecting…", waiting: "Waiting to send",
    failed: "Not sent", typing: "Typing", latest: "New messages", chat: "Chat",
    you: "You", bot: "Assistant", agent: "Agent", campaign: "Shop news",
  },
};
const SILENCE_MS = 45000;  // the server gives a sign of life every 15 s
const TYPING_MS = 15000;
const GROUP_MS = 5 * 60000;
const HERE = document.currentScript?.src || document.baseURI;
const LINK = /https?:\/\/[^\s<>"'`，。；：！？、（）《》「」【】“”]+/g;

const SHEET = new CSSStyleSheet();
SHEET.replaceSync(":host { display: block; height: 560px; overflow: hidden }");
const styled = fetch(new URL("element.css", HERE))  // as text, so that no style-src is needed
  .then((answer) => answer.text()).then((css) => { SHEET.replaceSync(SHEET.cssRules[0].cssText + css); }, () => {});

const make = (tag, attributes = {}, ...inside) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...inside);  // strings become text nodes, never markup
  return node;
};

const linked = (text) => {
  const parts = [];
  let end = 0;
  for (const match of text.matchAll(LINK)) {
    const address = match[0].replace(/[.,;:!?)\]]+$/, "");
    if (!URL.canParse(address)) continue;
    parts.push(text.slice(end, match.index),
      make("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, address));
    end = match.index + address.length;
  }
  return [...parts, text.slice(end)];
};

const randomId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");  // randomUUID is missing on plain http

class Refused extends Error {
  constructor(answer) {
    super(answer.status);
    this.status = answer.status;
    this.waitMs = 1000 * (Number(answer.headers.get("Retry-After")) || 0);
  }
}

class ZhangguiChat extends HTMLElement {
  static observedAttributes = ["lang"];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [SHEET];
    this.memory = {};
    this.seen = 0;
    this.drawn = new Map();  // client_id -> bubble that the server has not shown yet
    this.state = "connecting";
    this.build(root);
  }

  connectedCallback() {
    const base = this.getAttribute("src-base");
    this.base = new URL(base || ".", base ? document.baseURI : HERE).href.replace(/\/?$/, "/");
    this.life = new AbortController();
    const signal = this.life.signal;
    addEventListener("online", () => this.wake?.(), { signal });
    addEventListener("offline", () => this.line.abort(), { signal });
    this.relabel();
    for (const said of this.queue()) if (!this.drawn.has(said.client_id)) this.draw(said, "waiting");
    this.listen(signal);
  }

  disconnectedCallback() {
    this.life.abort();
    this.line.abort();
    clearTimeout(this.again);
  }

  attributeChangedCallback() { if (this.isConnected) this.relabel(); }

  load(name) {
    try { return this.memory[name] ?? localStorage[this.base + name]; } catch { return ""; }
  }

  save(name, value) {
    delete this.memory[name];
    try { localStorage[this.base + name] = value; } catch { this.memory[name] = value; }  // forbidden or full
  }

  queue() { try { return JSON.parse(this.load("queue")); } catch { return []; } }
  keep(queue) { this.save("queue", JSON.stringify(queue)); }
  dequeue(id) { this.keep(this.queue().filter((said) => said.client_id !== id)); }

  async post(path, body) {
    const answer = await fetch(this.base + path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      signal: AbortSignal.timeout(20000),
    });
    if (!answer.ok) throw new Refused(answer);
    return answer.json();
  }

  async token() {  // one at a time, or two callers would become two visitors
    if (this.load("token")) return this.load("token");
    this.wait(true);
    this.opening ||= this.post("session", { lang: this.words }).finally(() => { this.opening = null; });
    const { token } = await this.opening;
    this.save("token", token);
    return token;
  }

  forget() {  // the server does not know us: begin as a new visitor, keep what waits
    this.save("token", "");
    this.seen = 0;
    this.list.replaceChildren();
    this.last = this.open = null;
  }

  async listen(signal) {
    for (this.tries = 0; !signal.aborted; this.tries++) {
      let waitMs = 0;
      const line = this.line = new AbortController();
      try {
        const token = await this.token();
        const answer = await fetch(`${this.base}events?token=${encodeURIComponent(token)}`, {
          headers: this.seen ? { "Last-Event-ID": String(this.seen) } : {},
          cache: "no-store", signal: line.signal,
        });
        if (!answer.ok) throw new Refused(answer);
        await this.read(answer.body.getReader(), line);
      } catch (fault) {
        if (fault.status === 403) this.forget();
        waitMs = fault.waitMs || 0;
      }
      if (signal.aborted) return;
      this.show("offline");
      waitMs = Math.max(waitMs, Math.min(30000, 1000 * 2 ** this.tries) * (0.5 + Math.random() / 2));
      await new Promise((resolve) => { setTimeout(this.wake = resolve, waitMs); });
    }
  }

  async read(reader, line) {
    const decoder = new TextDecoder();
    let rest = "";
    for (;;) {
      const silence = setTimeout(() => line.abort(), SILENCE_MS);
      const { done, value } = await reader.read().finally(() => clearTimeout(silence));
      if (done) return;
      const blocks = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = blocks.pop();
      blocks.forEach(this.take, this);
    }
  }

  take(block) {
    this.tries = 0;
    const field = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/)));
    if (field.event === "shop") { this.shop = JSON.parse(field.data); this.relabel(); }
    if (field.event === "message") this.receive(JSON.parse(field.data));
    if (field.event === "live") { this.show("online"); this.flush(); }
  }

  async flush() {
    if (this.flushing) return;
    this.flushing = true;
    clearTimeout(this.again);
    try {
      for (let said; (said = this.queue()[0]);) {
        const id = said.client_id;
        this.wait(true);  // before sending: the answer may be here before the receipt
        try {
          await this.post("messages", { token: await this.token(), lang: this.words, ...said });
          this.dequeue(id);
          this.mark(id);
        } catch (fault) {
          if (fault.status !== 400 && fault.status !== 413) throw fault;
          this.dequeue(id);  // it will never be taken: say so and go on with the next
          this.mark(id, "failed");
          this.wait(false);
        }
      }
    } catch (fault) {
      if (fault.status === 403) { this.forget(); this.line.abort(); }
      for (const said of this.queue()) this.mark(said.client_id, "waiting");
      this.wait(false);
      this.again = setTimeout(() => this.flush(), Math.max(fault.waitMs || 0, 3000));
    } finally {
      this.flushing = false;
    }
  }

  say(said) {
    said = { client_id: randomId(), ...said };
    this.keep([...this.queue(), said]);
    this.draw(said, this.state === "online" ? "" : "waiting");
    this.close(said.text);
    this.bottom();
    this.flush();
  }

  build(root) {
    this.name = make("h2");
    this.face = make("div", { class: "face", "aria-hidden": "true" });
    this.status = make("div", { class: "state", role: "status" });
    this.switch = make("button");
    this.list = make("ol");
    this.pending = make("ol", { "aria-live": "off" });
    this.dots = make("div", { class: "dots", hidden: "", role: "img" }, make("i"), make("i"), make("i"));
    this.log = make("div", { class: "log", role: "log", "aria-live": "polite", "aria-busy": "true", tabindex: "0" },
      this.list, this.pending, this.dots);
    this.latest = make("button", { class: "latest", hidden: "" });
    this.input = make("textarea", { maxlength: "2000", enterkeyhint: "send" });
    this.button = make("button", { class: "send" });
    this.form = make("form", {}, this.input, this.button);
    const box = make("div", { class: "box", hidden: "" },
      make("header", {}, this.face, make("div", { class: "who" }, this.name, this.status), this.switch),
      this.log, this.latest, this.form);
    root.append(box);
    styled.then(() => { box.hidden = false; this.bottom(); });
    this.switch.onclick = () => { this.lang = this.words === "zh" ? "en" : "zh"; };
    this.latest.onclick = () => this.bottom();
    this.log.onscroll = () => { if (this.atBottom()) this.latest.hidden = true; };
    this.input.oninput = () => {
      this.input.style.height = "auto";
      this.input.style.height = `${this.input.scrollHeight + 2}px`;
    };
    this.input.onkeydown = (event) => {  // Enter that ends an input method's composition must not send
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.form.requestSubmit();
    };
    this.form.onsubmit = (event) => {
      event.preventDefault();
      const text = this.input.value.trim();
      if (!text) return;
      this.input.value = "";
      this.input.style.height = "";
      this.input.focus();
      this.say({ text });
    };
  }

  relabel() {
    const asked = this.getAttribute("lang") || navigator.language || "zh";
    this.words = asked.toLowerCase().startsWith("zh") ? "zh" : "en";
    const label = this.label = LABELS[this.words];
    const shop = this.shop?.[this.words] || label.chat;
    this.name.textContent = shop;
    this.face.textContent = [...shop][0];
    this.status.textContent = label[this.state];
    this.switch.textContent = label.other;
    this.log.setAttribute("aria-label", label.log);
    this.dots.setAttribute("aria-label", label.typing);
    this.latest.textContent = `${label.latest} ↓`;
    this.input.placeholder = label.hint;
    this.input.setAttribute("aria-label", label.message);
    this.button.setAttribute("aria-label", label.send);
    for (const node of this.log.querySelectorAll("[data-label]")) node.textContent = label[node.dataset.label];
  }

  show(state) {
    this.state = state;
    this.status.textContent = this.label[state];
    this.status.classList.toggle("on", state === "online");
    this.log.setAttribute("aria-busy", String(state !== "online"));
    if (state !== "online") this.wait(false);
  }

  word(name, attributes = {}) { return make("span", { ...attributes, "data-label": name }, this.label[name]); }

  bubble(message, first) {
    const meta = make("div", { class: "meta" });
    if (message.mine) meta.append(this.word("you", { class: "sr" }));
    else if (message.name) meta.append(make("b", {}, message.name), this.word(message.author, { class: "tag" }));
    else meta.append(this.word(message.author));
    const at = new Date(message.at);
    meta.append(" ", make("time", { datetime: message.at }, this.clock(at)));
    if (!first) meta.classList.add("sr");
    return make("li", { class: `${message.mine ? "mine" : message.author} new${first ? " first" : ""}` },
      meta, make("div", { class: "bubble" }, ...linked(message.text)));
  }

  clock(at) {
    const day = at.toDateString() === new Date().toDateString() ? {} : { month: "short", day: "numeric" };
    return at.toLocaleString(this.words === "zh" ? "zh-CN" : "en-GB", { ...day, hour: "2-digit", minute: "2-digit" });
  }

  receive(message) {
    if (message.id <= this.seen) return;
    this.seen = message.id;
    const stay = this.atBottom();
    const last = this.last;
    const who = `${message.author} ${message.name}`;
    const first = !last || last.who !== who || new Date(message.at) - last.at > GROUP_MS;
    this.last = { who, at: new Date(message.at) };
    const item = this.bubble(message, first);
    this.list.append(item);
    if (message.mine) {  // the server shows it now, so our own copy goes
      this.drawn.get(message.client_id)?.remove();
      this.drawn.delete(message.client_id);
      this.dequeue(message.client_id);
      this.close(message.text);
    } else {
      this.wait(false);
      if (message.choices.length) this.offer(item, message.choices);
    }
    if (stay || message.mine) this.bottom(); else this.latest.hidden = false;
  }

  draw(said, state) {
    const item = this.bubble({ mine: true, author: "customer", name: "", at: new Date().toISOString(), ...said }, true);
    this.drawn.set(said.client_id, item);
    this.pending.append(item);
    this.mark(said.client_id, state);
  }

  mark(id, state) {
    const item = this.drawn.get(id);
    item?.querySelector(".note")?.remove();
    item?.classList.remove("waiting", "failed");
    if (!item || !state) return;
    item.classList.add(state);
    item.append(this.word(state, { class: "note" }));
  }

  offer(item, choices) {
    this.close("");
    this.open = make("div", { class: "choices", role: "group" });
    for (const { token, label } of choices) {
      const button = make("button", {}, label);
      button.onclick = () => { this.say({ choice: token, text: label }); this.log.focus({ preventScroll: true }); };
      this.open.append(button);
    }
    item.append(this.open);
  }

  close(chosen) {  // an answered question cannot be answered again
    if (!this.open) return;
    for (const button of this.open.children) {
      button.disabled = true;
      if (button.textContent === chosen) button.setAttribute("aria-pressed", "true");
    }
    this.open = null;
  }

  wait(on) {
    clearTimeout(this.typing);
    this.dots.hidden = !on;
    if (!on) return;
    this.typing = setTimeout(() => this.wait(false), TYPING_MS);
    this.bottom();
  }

  atBottom() { return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60; }
  bottom() { this.log.scrollTop = this.log.scrollHeight; this.latest.hidden = true; }
}

if (!customElements.get("zhanggui-chat")) customElements.define("zhanggui-chat", ZhangguiChat);
})();
