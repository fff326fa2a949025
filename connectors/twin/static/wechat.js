"use strict";

const LABELS = {
  zh: {
    actAs: "身份", more: "更多", log: "聊天记录", send: "发送", typing: "对方正在输入…", hint: "发消息",
    follow: "关注公众号", unfollow: "取消关注", resend: "重复推送上一条", gone: "尚未关注该公众号",
    menu: "公众号菜单", image: "图片", voice: "[语音]", video: "[视频]",
  },
  en: {
    actAs: "Act as", more: "More", log: "Chat", send: "Send", typing: "typing…", hint: "Message",
    follow: "Follow", unfollow: "Unfollow", resend: "Deliver the last one again", gone: "Not following this account",
    menu: "Account menu", image: "Picture", voice: "[voice]", video: "[video]",
  },
};
const POLL_MS = 500;

const query = new URLSearchParams(location.search);
const language = (query.get("lang") || "zh").startsWith("en") ? "en" : "zh";
const label = LABELS[language];
const byId = (id) => document.getElementById(id);
const log = byId("log");
const chooser = byId("user");

let account = "";
let follows = true;
let drawn = 0;
let drawnUser = "";
let drawnMenu = "";

function make(tag, words = "") {
  const node = document.createElement(tag);
  node.textContent = words;
  return node;
}

function picture(media) {
  const image = document.createElement("img");
  image.src = `file/${media}`;
  image.alt = label.image;
  return image;
}

function tapper(words, action, extra) {
  const button = make("button", words);
  button.type = "button";
  button.addEventListener("click", () => act(action, extra));
  return button;
}

function fill(bubble, line) {
  if (line.kind === "image") bubble.append(picture(line.media));
  else if (line.kind === "voice" || line.kind === "video") bubble.textContent = label[line.kind];
  else bubble.textContent = line.text;
  if (line.about) bubble.append(make("small", line.about));
  if (line.kind !== "msgmenu") return;
  line.items.forEach((item) => bubble.append(tapper(item.label, "tap", item)));
  if (line.tail) bubble.append(make("small", line.tail));
}

function drawMenu(menu) {
  const wanted = JSON.stringify(menu);
  if (wanted === drawnMenu) return;
  drawnMenu = wanted;
  const buttons = (menu?.button || []).flatMap((top) => (top.sub_button?.length ? top.sub_button : [top]));
  const clicks = buttons.filter((button) => button.key);
  byId("menu").replaceChildren(...clicks.map((button) => tapper(button.name, "click", { key: button.key })));
  byId("menu").hidden = !clicks.length;
}

function draw(line) {
  const item = document.createElement("li");
  item.className = line.from;
  const text = document.createElement("span");
  fill(text, line);
  if (line.from !== "notice") {
    const face = document.createElement("span");
    face.className = "face";
    face.setAttribute("aria-hidden", "true");
    face.textContent = [...(line.from === "user" ? chooser.selectedOptions[0].textContent : account)][0] || "";
    text.className = "bubble";
    item.append(face);
  }
  item.append(text);
  log.append(item);
}

function show(chat) {
  if (drawnUser !== chooser.value || chat.messages.length < drawn) {
    log.replaceChildren();
    drawn = 0;
    drawnUser = chooser.value;
  }
  const fresh = chat.messages.slice(drawn);
  fresh.forEach(draw);
  drawn = chat.messages.length;
  if (fresh.length) log.scrollTop = log.scrollHeight;
  follows = chat.follows;
  drawMenu(chat.menu);
  byId("typing").hidden = !chat.typing;
  byId("follow").textContent = follows ? label.unfollow : label.follow;
  byId("message").disabled = !follows;
  byId("message").placeholder = follows ? label.hint : label.gone;
  byId("form").querySelector("button").disabled = !follows;
}

async function refresh() {
  const user = chooser.value;
  try {
    const answer = await fetch(`control/messages?user=${encodeURIComponent(user)}`);
    const chat = await answer.json();
    if (answer.ok && user === chooser.value) show(chat);
  } catch {
    // The twin is restarting: the next round will tell.
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, POLL_MS);
}

function act(action, extra = {}) {
  const sent = fetch(`control/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user: chooser.value, ...extra }),
  });
  // The answer comes only when the shop has taken the push; the line itself is there at once.
  setTimeout(refresh, 50);
  return sent.then(refresh, refresh);
}

byId("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = byId("message").value.trim();
  if (!text) return;
  byId("message").value = "";
  act("say", { text });
});
byId("follow").addEventListener("click", () => {
  byId("more").open = false;
  act(follows ? "unfollow" : "follow");
});
byId("resend").addEventListener("click", () => {
  byId("more").open = false;
  act("resend");
});
chooser.addEventListener("change", refresh);

async function begin() {
  document.documentElement.lang = language;
  document.querySelectorAll("[data-label]").forEach((node) => { node.textContent = label[node.dataset.label]; });
  document.querySelectorAll("[data-aria]").forEach((node) => { node.setAttribute("aria-label", label[node.dataset.aria]); });
  const known = await (await fetch("control/users")).json();
  account = known.account;
  byId("account").textContent = account;
  document.title = account;
  known.users.forEach((user) => chooser.append(new Option(user.name, user.openid)));
  if (known.users.some((user) => user.openid === query.get("user"))) chooser.value = query.get("user");
  poll();
}

begin();
