"use strict";
// Whatever comes from the shop reaches the page through textContent only.

const LABELS = {
  zh: {
    shop: "演示店铺：青禾", controls: "演示控制", clock: "演示时间", quarter: "+15 分钟", hour: "+1 小时",
    pay: "陈皓付款", sale: "开始秒杀", console: "客服工作台", other: "English",
    web: "网页聊天", telegram: "Telegram（模拟）", wechat: "微信公众号（模拟）",
    wecom: "企业微信：微信客服与客户群（模拟）", miniprogram: "微信小程序客服（模拟）", alone: "单独打开",
    try: "试试这些（点一下填入网页聊天）", files: "改一改 knowledge/ 里的文件再问一次：不用重启，答案就换了。",
    orders: "可以查的订单", number: "订单号", tail: "手机尾号", state: "状态", customer: "顾客",
    clock_done: "时间已拨到 {time}。", pay_done: "陈皓已付款，不会再收到购物车提醒。", pay_again: "陈皓已经付过款了。",
    sale_done: "秒杀开始了，已发出 {count} 条通知。", sale_again: "这场秒杀已经开始过了。", failed: "没有成功：演示没有回应。",
  },
  en: {
    shop: "the demo shop Qinghe", controls: "Demo controls", clock: "Demo clock", quarter: "+15 min", hour: "+1 h",
    pay: "Chen Hao pays", sale: "Start the flash sale", console: "Agents' console", other: "中文",
    web: "Web chat", telegram: "Telegram (stand-in)", wechat: "WeChat (stand-in)",
    wecom: "WeCom: customer service and groups (stand-in)", miniprogram: "WeChat mini-program (stand-in)", alone: "Open alone",
    try: "Try these (a click puts one into the web chat)",
    files: "Edit a file under knowledge/ and ask again: the answer changes without a restart.",
    orders: "Orders to ask about", number: "Number", tail: "Phone ends in", state: "State", customer: "Customer",
    clock_done: "The clock shows {time} now.", pay_done: "Chen Hao has paid: no cart reminder for him.",
    pay_again: "Chen Hao has paid before.", sale_done: "The flash sale runs; announcements sent: {count}.",
    sale_again: "This flash sale was started before.", failed: "That did not work: the demo does not answer.",
  },
};
const STATES = {
  zh: {
    unpaid: "待付款", paid: "已付款", packed: "已打包", shipped: "运输中", out_for_delivery: "派送中",
    delivered: "已签收", delivered_long_ago: "已签收，过了退货期", refunded: "已退款",
  },
  en: {
    unpaid: "unpaid", paid: "paid", packed: "packed", shipped: "on its way", out_for_delivery: "out for delivery",
    delivered: "delivered", delivered_long_ago: "delivered, too late to return", refunded: "refunded",
  },
};
const TRY = {
  zh: ["七天无理由怎么退", "我身高175体重70公斤穿什么码", "我的订单到哪了", "我想退那条蓝色连衣裙", "转人工", "抢"],
  en: ["do you ship to Taiwan?", "I'm 175 cm and 70 kg, what size?", "where is my order", "I want to return the blue dress", "talk to a human", "grab"],
};

const byId = (id) => document.getElementById(id);
const make = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });
let language = (load("demo-language") || navigator.language).startsWith("zh") ? "zh" : "en";
let orders = [];

function load(name) {
  try { return localStorage.getItem(name); } catch { return null; }  // forbidden in some private windows
}

function save(name, value) {
  try { localStorage.setItem(name, value); } catch { /* the choice lasts as long as the page */ }
}

function showOrders() {
  const rows = Object.entries(STATES[language]).map(([state, label]) => [orders.find((order) => order.state === state), label]);
  byId("orders").replaceChildren(...rows.filter(([order]) => order).map(([order, label]) => {
    const row = document.createElement("tr");
    row.append(make("td", order.number), make("td", order.phone_tail), make("td", label), make("td", order.customer_name));
    return row;
  }));
}

async function refresh() {
  try {
    const state = await (await fetch("/demo/state")).json();
    byId("time").textContent = state.time;
    orders = state.orders;
    showOrders();
  } catch { /* the demo has ended or is starting: the next round will tell */ }
}

function outcome(post, result) {
  const words = LABELS[language];
  if (result.time) return words.clock_done.replace("{time}", result.time);
  if (post === "/demo/pay") return result.paid ? words.pay_done : words.pay_again;
  if (post === "/demo/sale") return result.error ? words.sale_again : words.sale_done.replace("{count}", result.announcements);
  return result.error || words.failed;
}

async function press(button) {
  button.disabled = true;
  try {
    const answer = await fetch(button.dataset.post, { method: "POST" });
    byId("said").textContent = outcome(button.dataset.post, await answer.json());
    await refresh();
  } catch {
    byId("said").textContent = LABELS[language].failed;
  } finally {
    button.disabled = false;
    button.focus({ preventScroll: true });
  }
}

function fill(text) {
  const box = document.querySelector("#web zhanggui-chat").shadowRoot.querySelector("textarea");
  box.value = text;
  box.focus();
}

function openPage() {
  const words = LABELS[language];
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  for (const node of document.querySelectorAll("[data-label]")) node.textContent = words[node.dataset.label];
  for (const node of document.querySelectorAll("[data-aria]")) node.setAttribute("aria-label", words[node.dataset.aria]);
  for (const link of document.querySelectorAll("[data-page]")) link.href = `${link.dataset.page}?lang=${language}`;
  byId("language").textContent = words.other;
  byId("language").lang = language === "zh" ? "en" : "zh-CN";
  byId("said").textContent = "";
  const chat = document.createElement("zhanggui-chat");
  chat.setAttribute("src-base", "/webchat/shop");
  chat.setAttribute("lang", language);
  byId("web").replaceChildren(chat);
  for (const name of ["telegram", "wechat", "wecom", "miniprogram"]) byId(name).src = `/twin/${name}/panel?lang=${language}`;
  byId("try").replaceChildren(...TRY[language].map((text) => {
    const button = make("button", text);
    button.type = "button";
    button.addEventListener("click", () => fill(text));
    const item = document.createElement("li");
    item.append(button);
    return item;
  }));
  showOrders();
}

for (const button of document.querySelectorAll("[data-post]")) button.addEventListener("click", () => press(button));
byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  save("demo-language", language);
  openPage();
});
openPage();
refresh();
setInterval(refresh, 15000);
