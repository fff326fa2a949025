// <zhanggui-chat src-base="/webchat/shop" lang="zh">: the customers' chat. What anybody wrote becomes text, never markup.
{
const LABELS = {
  zh: {
    message: "消息", send: "发送", hint: "输入消息…", log: "聊天记录", other: "English", picture: "图片", chat: "在线客服",
    online: "在线", offline: "正在连接…", waiting: "等待发送", failed: "未能发送", typing: "正在输入", latest: "新消息 ↓",
    you: "你", bot: "智能助手", agent: "人工客服", campaign: "店铺活动",
  },
  en: {
    message: "message", send: "send", hint: "Write a message…", log: "Chat history", other: "中文", picture: "picture",
    chat: "Chat", online: "Online", offline: "Connecting…", waiting: "Waiting to send", failed: "Not sent",
    typing: "is typing", latest: "New messages ↓", you: "You", bot: "Assistant", agent: "Agent", campaign: "Shop news",
  },
};
const SILENCE_MS = 45000;  // three signs of life missed
const GROUP_MS = 5 * 60000;
const TELLS_EVERY_MS = 3000;
const HERE = document.currentScript?.src || document.baseURI;
const LINK = /(https?:\/\/[^\s<>"'`，。；：！？、（）《》「」【】“”]+(?<![.,;:!?)\]]))/;

const SHEET = new CSSStyleSheet();
const styled = fetch(new URL("element.css", HERE))  // as text: needs no style-src
  .then((answer) => answer.text()).then((css) => SHEET.replaceSync(css), () => {});

const make = (tag, attributes = {}, ...inside) => {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...inside);
  return node;
};

const linked = (text) => text.split(LINK).map((part, index) => index % 2 && URL.canParse(part)
  ? make("a", { href: part, target: "_blank", rel: "noopener noreferrer nofollow" }, part) : part);

const randomId = () => crypto.getRandomValues(new Uint32Array(4)).join("-");  // randomUUID is missing on plain http

class ZhangguiChat extends HTMLElement {
  static observedAttributes = ["lang"];

  constructor() {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [SHEET];
    this.memory = {};
    this.seen = 0;
    this.drawn = new Map();  // client_id -> bubble that the server has not shown yet
    this.state = "offline";
    this.build(root);
  }

  connectedCallback() {
    const base = this.getAttribute("src-base");
    this.base = new URL(base || ".", base ? document.baseURI : HERE).href.replace(/\/?$/, "/");
    const { signal } = this.life = new AbortController();
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

  async ask(path, options) {
    const answer = await fetch(this.base + path, options);
    if (answer.ok) return answer;
    throw Object.assign(Error(), { status: answer.status, waitMs: 1000 * answer.headers.get("Retry-After") });
  }

  async post(path, body) {
    const answer = await this.ask(path, {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
      signal: AbortSignal.timeout(30000),
    });
    return answer.json();
  }

  async token() {  // one at a time, or two callers would become two visitors
    if (this.load("token")) return this.load("token");
    this.opening ||= this.post("session", { lang: this.words }).finally(() => { this.opening = null; });
    this.save("token", (await this.opening).token);
    return this.load("token");
  }

  forget() {  // begin as a new visitor, keep what waits
    this.save("token", "");
    this.seen = 0;
    this.list.replaceChildren();
    this.last = this.open = null;
  }

  async listen(signal) {
    for (this.tries = 0; !signal.aborted; this.tries++) {
      let askedMs = 0;
      const line = this.line = new AbortController();
      try {
        const answer = await this.ask(`events?token=${await this.token()}`, {
          headers: { "Last-Event-ID": this.seen }, signal: line.signal,
        });
        await this.read(answer.body.getReader(), line);
      } catch (fault) {
        if (fault.status === 403) this.forget();
        askedMs = fault.waitMs || 0;
      }
      if (signal.aborted) return;
      this.show("offline");
      const waitMs = Math.min(30000, 1000 * 2 ** this.tries) * (0.5 + Math.random() / 2);
      await new Promise((resolve) => { setTimeout(this.wake = resolve, Math.max(askedMs, waitMs)); });
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
    const { event, data } = Object.fromEntries(block.split("\n").map((line) => line.split(/: (.*)/)));
    if (event === "shop") { this.shop = JSON.parse(data); this.relabel(); }
    if (event === "message") this.receive(JSON.parse(data));
    if (event === "typing") this.type(JSON.parse(data).who);
    if (event === "sales") this.sell(JSON.parse(data));
    if (event === "live") { this.show("online"); this.flush(); }
  }

  async flush() {
    if (this.flushing) return;
    this.flushing = true;
    clearTimeout(this.again);
    try {
      for (let said; (said = this.queue()[0]);) {
        const id = said.client_id;
        try {
          await this.post(said.image ? "images" : "messages", { token: await this.token(), lang: this.words, ...said });
          this.dequeue(id);
          this.mark(id);
        } catch (fault) {
          if (![400, 413, 415].includes(fault.status) && !(fault.waitMs > 300000)) throw fault;
          this.dequeue(id);  // never taken, or not today: go on
          this.mark(id, "failed");
        }
      }
    } catch (fault) {
      if (fault.status === 403) { this.forget(); this.line.abort(); }
      for (const said of this.queue()) this.mark(said.client_id, "waiting");
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
    this.flush();
  }

  tell() {  // that somebody is writing; nothing is lost if it does not arrive
    const now = Date.now();
    if (!this.input.value || this.state !== "online" || now - (this.told || 0) < TELLS_EVERY_MS) return;
    this.told = now;
    const body = JSON.stringify({ token: this.load("token") });
    fetch(`${this.base}typing`, { method: "POST", headers: { "Content-Type": "application/json" }, body }).catch(() => {});
  }

  async attach(file) {  // drawn anew: small enough to wait here, and without its place
    try {
      const image = await createImageBitmap(file);
      const scale = Math.min(1, 1600 / Math.max(image.width, image.height));
      const width = Math.ceil(image.width * scale);
      const height = Math.ceil(image.height * scale);
      const canvas = make("canvas", { width, height });
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#fff";  // JPEG has no transparency
      pen.fillRect(0, 0, width, height);
      pen.drawImage(image, 0, 0, width, height);
      this.say({ image: canvas.toDataURL("image/jpeg", 0.85).split(",")[1], text: this.written() });
    } catch {
      this.draw({ client_id: randomId(), text: file.name }, "failed");
    }
  }

  written() {
    const text = this.input.value.trim();
    this.input.value = this.input.style.height = "";
    this.input.focus();
    return text;
  }

  build(root) {
    this.name = make("h2");
    this.face = make("div", { class: "face", "aria-hidden": "true" });
    this.status = make("div", { class: "state", role: "status" });
    this.switch = make("button", { "data-label": "other" });
    this.list = make("ol");
    this.pending = make("ol", { "aria-live": "off" });
    this.dots = make("div", { class: "dots", hidden: "", role: "img" }, make("i"), make("i"), make("i"));
    this.log = make("div", { class: "log", role: "log", "aria-live": "polite", "aria-busy": "true", tabindex: "0" },
      this.list, this.pending, this.dots);
    this.sales = make("div", { class: "sales" });
    this.latest = make("button", { class: "latest", hidden: "", "data-label": "latest" });
    this.input = make("textarea", { maxlength: "2000", enterkeyhint: "send" });
    this.button = make("button", { class: "send" });
    this.files = make("input", { type: "file", accept: "image/*", class: "sr" });
    this.form = make("form", {}, make("label", { class: "add" }, "+", this.files), this.input, this.button);
    const box = make("div", { class: "box", hidden: "" },
      make("header", {}, this.face, make("div", { class: "who" }, this.name, this.status), this.switch),
      this.sales, this.log, this.latest, this.form);
    root.append(box);
    styled.then(() => { box.hidden = false; this.bottom(); });
    this.switch.onclick = () => { this.lang = this.words === "zh" ? "en" : "zh"; };
    this.latest.onclick = () => this.bottom();
    this.log.onscroll = () => { if (this.atBottom()) this.latest.hidden = true; };
    this.input.oninput = () => {
      this.input.style.height = "auto";
      this.input.style.height = `${this.input.scrollHeight + 2}px`;
      this.tell();
    };
    this.input.onkeydown = (event) => {  // Enter that ends an input method's composition must not send
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.form.requestSubmit();
    };
    this.input.onpaste = ({ clipboardData: pasted }) => {
      if (pasted.files[0] && !pasted.getData("text")) this.attach(pasted.files[0]);
    };
    this.files.onchange = () => { this.attach(this.files.files[0]); this.files.value = ""; };
    this.form.onsubmit = (event) => {
      event.preventDefault();
      const text = this.written();
      if (text) this.say({ text });
    };
  }

  relabel() {
    this.words = /^zh/i.test(this.lang || navigator.language) ? "zh" : "en";
    const label = this.label = LABELS[this.words];
    this.name.textContent = this.shop?.[this.words] || label.chat;
    this.face.textContent = [...this.name.textContent][0];
    this.status.textContent = label[this.state];
    this.log.ariaLabel = label.log;
    this.input.placeholder = label.hint;
    this.input.ariaLabel = label.message;
    this.button.ariaLabel = label.send;
    this.files.ariaLabel = label.picture;
    for (const node of this.shadowRoot.querySelectorAll("[data-label]")) node.textContent = label[node.dataset.label];
  }

  show(state) {
    this.state = state;
    this.status.textContent = this.label[state];
    this.status.classList.toggle("on", state === "online");
    this.log.ariaBusy = state !== "online";
    if (state !== "online") this.type("");
  }

  sell(news) {  // what shows sales comes with the first of them
    if (!this.cards && !news.cards.length) return;
    this.cards ||= import(new URL("sales.js", HERE)).then(({ Sales }) => new Sales(this));
    this.cards.then((cards) => cards.show(news), () => { this.cards = null; });  // the next news tries again
  }

  word(name, look = "") { return make("span", { class: look, "data-label": name }, this.label[name]); }

  bubble(message, first) {
    const { at, author, name, mine } = message;
    const meta = make("div", { class: first ? "meta" : "meta sr" });
    if (name) meta.append(make("b", {}, name), this.word(author, "tag"));
    else meta.append(mine ? this.word("you", "sr") : this.word(author));
    meta.append(" ", make("time", { datetime: at }, this.clock(new Date(at))));
    const bubble = make("div", { class: "bubble" }, ...linked(message.text));
    if (message.image) bubble.prepend("[", this.word("picture"), "] ");  // not sent yet
    if (message.picture) {
      const href = this.base + message.picture;
      bubble.prepend(make("a", { href, target: "_blank" }, make("img", { src: href, alt: this.label.picture })));
    }
    return make("li", { class: `${mine ? "mine" : author} new${first ? " first" : ""}` }, meta, bubble);
  }

  clock(at) {
    const day = at.toDateString() === new Date().toDateString() ? {} : { month: "short", day: "numeric" };
    return at.toLocaleString(this.words === "zh" ? "zh-CN" : "en-GB", { ...day, hour: "2-digit", minute: "2-digit" });
  }

  receive(message) {
    if (message.id <= this.seen) return;
    this.seen = message.id;
    const stay = this.atBottom();
    const who = `${message.author} ${message.name}`;
    const at = new Date(message.at);
    const item = this.bubble(message, this.last?.who !== who || at - this.last.at > GROUP_MS);
    this.last = { who, at };
    this.list.append(item);
    if (message.mine) {  // the server shows it now, so our own copy goes
      this.drawn.get(message.client_id)?.remove();
      this.drawn.delete(message.client_id);
      this.dequeue(message.client_id);
      this.close(message.text);
    } else if (message.choices.length) this.offer(item, message.choices);
    if (stay || message.mine) this.bottom(); else this.latest.hidden = false;
  }

  draw(said, state) {
    const item = this.bubble({ mine: true, at: new Date().toISOString(), ...said }, true);
    this.drawn.set(said.client_id, item);
    this.pending.append(item);
    this.mark(said.client_id, state);
    this.bottom();
  }

  mark(id, state) {
    const item = this.drawn.get(id);
    if (!item) return;
    item.querySelector(".note")?.remove();
    item.classList.remove("waiting", "failed");
    if (!state) return;
    item.classList.add(state);
    item.append(this.word(state, "note"));
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
    for (const button of this.open?.children || []) {
      button.disabled = true;
      if (button.textContent === chosen) button.ariaPressed = true;
    }
    this.open = null;
  }

  type(who) {
    const stay = this.atBottom();
    this.dots.hidden = !who;
    this.dots.ariaLabel = `${this.label[who]} ${this.label.typing}`;
    if (stay) this.bottom();
  }

  atBottom() { return this.log.scrollHeight - this.log.scrollTop - this.log.clientHeight < 60; }
  bottom() { this.log.scrollTop = this.log.scrollHeight; this.latest.hidden = true; }
}

customElements.get("zhanggui-chat") || customElements.define("zhanggui-chat", ZhangguiChat);
}
