"use strict";
const byId = (id) => document.getElementById(id);
const TRY = {
  zh: ["七天无理由怎么退", "我身高175体重70公斤穿什么码", "我的订单到哪了", "我想退那条蓝色连衣裙", "转人工", "抢（秒杀开始后）"],
  en: ["do you ship to Taiwan?", "I'm 175 cm and 70 kg, what size?", "where is my order", "I want to return the blue dress", "talk to a human", "grab (once the sale is on)"],
};
const SHOWN = ["shipped", "out_for_delivery", "delivered", "delivered_long_ago", "unpaid", "paid", "packed", "refunded"];
let language = (localStorage.getItem("demo-language") || navigator.language).startsWith("zh") ? "zh" : "en";

function cell(text) {
  const td = document.createElement("td");
  td.textContent = text;
  return td;
}

function showOrders(orders) {
  const rows = SHOWN.map((state) => orders.find((order) => order.state === state)).filter(Boolean);
  byId("orders").replaceChildren(...rows.map((order) => {
    const tr = document.createElement("tr");
    tr.append(cell(order.number), cell(order.phone_tail), cell(order.state), cell(order.customer_name));
    return tr;
  }));
}

async function refresh() {
  const state = await (await fetch("/demo/state")).json();
  byId("time").textContent = state.time;
  showOrders(state.orders);
}

function open() {
  document.documentElement.lang = language;
  byId("language").textContent = language === "zh" ? "English" : "中文";
  const chat = document.createElement("zhanggui-chat");
  chat.setAttribute("src-base", "/webchat/shop");
  chat.setAttribute("lang", language);
  byId("web").replaceChildren(chat);
  byId("telegram").src = `/twin/telegram/panel?lang=${language}`;
  byId("wechat").src = `/twin/wechat/panel?lang=${language}`;
  byId("try").replaceChildren(...TRY[language].map((text) => {
    const li = document.createElement("li");
    li.textContent = text;
    return li;
  }));
}

for (const button of document.querySelectorAll("[data-post]")) {
  button.addEventListener("click", async () => {
    const answer = await fetch(button.dataset.post, { method: "POST" });
    const result = await answer.json();
    byId("said").textContent = `${button.textContent}: ${result.error || result.time || JSON.stringify(result)}`;
    refresh();
  });
}
byId("language").addEventListener("click", () => {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("demo-language", language);
  open();
});
open();
refresh();
setInterval(refresh, 15000);
