// Cards of the flash sales that are on, above the chat. What anybody wrote becomes text, never markup.
const LABELS = {
  zh: {
    claim: "我要抢", line: "排队候补", left: "剩 {left} / {total} 件", soldOut: "已抢完", paused: "暂停中", over: "已结束",
    starts: "距开抢 {time}", ends: "距结束 {time}", sale: "限时秒杀", offline: "正在连接…",
  },
  en: {
    claim: "Claim one", line: "Stand in line", left: "{left} of {total} left", soldOut: "Sold out", paused: "Paused",
    over: "Over", starts: "Begins in {time}", ends: "Ends in {time}", sale: "Flash sale", offline: "Connecting…",
  },
};

const span = (ms) => {  // 3725000 -> 1:02:05
  const seconds = Math.ceil(ms / 1000);
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  return [hours, minutes, seconds % 60].map((part, index) => (index ? String(part).padStart(2, "0") : part)).join(":");
};

const make = (tag, look = "") => Object.assign(document.createElement(tag), { className: look });

export class Sales {
  constructor(chat) { this.chat = chat; }

  show({ now, cards }) {  // by the clock of the server: that of the customer may be wrong
    this.aheadMs = Date.parse(now) - Date.now();
    const box = this.chat.sales;
    const stay = this.chat.atBottom();
    const kept = new Map([...box.children].map((node) => [node.card.id, node]));
    box.replaceChildren(...cards.map((card) => Object.assign(kept.get(card.id) || this.ware(), { card })));
    this.tick();
    if (stay) this.chat.bottom();
    clearInterval(this.ticking);
    if (cards.length) this.ticking = setInterval(() => this.tick(), 1000);
  }

  tick() {  // the language and the line may have changed meanwhile
    if (!this.chat.isConnected) clearInterval(this.ticking);
    for (const node of this.chat.sales.children) this.ticket(node, node.card);
  }

  ware() {
    const node = make("section");
    [node.goods, node.price, node.left, node.time] = ["b", "span", "span", "time"].map((tag) => make(tag));
    node.button = make("button");
    node.button.onclick = () => this.chat.say({ choice: `claim:${node.card.id}`, text: node.button.textContent });
    const [told, facts] = [make("div"), make("div", "facts")];
    told.append(node.goods, " ", node.price);
    facts.append(node.left, node.time);
    node.append(told, facts, node.button);
    return node;
  }

  ticket(node, { product, price, left, total, state, starts_at, ends_at }) {
    const words = this.chat.words;
    const label = LABELS[words];
    const online = this.chat.state === "online";
    const nowMs = Date.now() + this.aheadMs;
    const toStart = Date.parse(starts_at) - nowMs;
    const toEnd = Date.parse(ends_at) - nowMs;
    const over = state === "over" || toEnd <= 0;
    const ahead = !over && toStart > 0;
    node.ariaLabel = `${label.sale} ${product[words]}`;
    node.role = "region";
    node.goods.textContent = product[words];
    node.price.textContent = price[words];
    const stock = left ? label.left.replace("{left}", left).replace("{total}", total) : label.soldOut;
    const stands = over ? label.over : state === "paused" ? label.paused : stock;
    node.left.textContent = online || over ? stands : label.offline;  // a number that nobody renews may be too high
    node.time.textContent = over ? "" : (ahead ? label.starts : label.ends).replace("{time}", span(ahead ? toStart : toEnd));
    node.button.textContent = left ? label.claim : label.line;
    node.button.hidden = over || state === "paused";
    node.button.disabled = state !== "running" || !online;  // who may claim before its time, the bot knows
  }
}
