"use strict";

const LABELS = {
  zh: {
    actAs: "身份", more: "更多", log: "聊天记录", send: "发送", hint: "发消息", enter: "进入客服会话", image: "发送图片",
    contact: "添加企业微信好友", resend: "重复推送上一条", picture: "[图片]", staff: "企业员工", member: "员工",
    take: "接待", close: "结束会话", staffMessage: "以员工身份回复", confirm: "确认发送", decline: "不发送",
    cancelled: "已取消", sent: "已发送", declined: "不发送",
    states: ["新接入", "智能助手接待", "待接入池", "人工接待", "未开始或已结束"],
  },
  en: {
    actAs: "Act as", more: "More", log: "Chat", send: "Send", hint: "Message", enter: "Open the chat", image: "Send a picture",
    contact: "Become a contact", resend: "Deliver the last one again", picture: "[picture]", staff: "Staff", member: "Member",
    take: "Take over", close: "End the session", staffMessage: "Reply as staff", confirm: "Send", decline: "Do not send",
    cancelled: "Cancelled", sent: "Sent", declined: "Not sent",
    states: ["New", "Bot", "Waiting pool", "Staff", "Not begun or closed"],
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
let drawn = "";
let drawnTasks = "";

function button(text, onClick) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.addEventListener("click", onClick);
  return made;
}

function initial(line) {
  if (line.from === "user") return [...chooser.selectedOptions[0].textContent][0];
  return [...(line.from === "staff" ? byId("member").selectedOptions[0].textContent : account)][0] || "";
}

function draw(line) {
  const item = document.createElement("li");
  item.className = line.from;
  const face = document.createElement("span");
  face.className = "face";
  face.setAttribute("aria-hidden", "true");
  face.textContent = initial(line);
  const bubble = document.createElement("span");
  bubble.className = "bubble";
  bubble.textContent = line.text || (line.type === "image" ? label.picture : `[${line.type}]`);
  line.choices.filter((choice) => choice.id).forEach((choice) => {
    bubble.append(button(choice.text, () => act("tap", { menu_id: choice.id })));
  });
  item.append(face, bubble);
  log.append(item);
}

function show(chat) {
  byId("state").textContent = [label.states[chat.state], chat.servicer].filter(Boolean).join(" · ");
  const now = chooser.value + JSON.stringify(chat.messages);
  if (now === drawn) return;
  drawn = now;
  log.replaceChildren();
  chat.messages.forEach(draw);
  log.scrollTop = log.scrollHeight;
}

function taskRow(task, staff, share) {
  const item = document.createElement("li");
  const words = document.createElement("span");
  words.textContent = `${staff}: ${task.text}`;
  item.append(words);
  if (task.cancelled || share.sent || share.declined) {
    const end = document.createElement("em");
    end.textContent = share.sent ? label.sent : task.cancelled ? label.cancelled : label.declined;
    item.append(end);
    return item;
  }
  item.append(button(label.confirm, () => act("confirm", { task: task.id, staff })));
  item.append(button(label.decline, () => act("decline", { task: task.id, staff })));
  return item;
}

function showTasks(tasks) {
  const now = JSON.stringify(tasks);
  if (now === drawnTasks) return;
  drawnTasks = now;
  const rows = tasks.flatMap((task) => Object.entries(task.staff).map(([staff, share]) => taskRow(task, staff, share)));
  byId("tasks").replaceChildren(...rows.reverse());
}

async function refresh() {
  const user = chooser.value;
  try {
    const chat = await fetch(`control/messages?user=${encodeURIComponent(user)}`);
    const found = await chat.json();
    if (chat.ok && user === chooser.value) show(found);
    showTasks((await (await fetch("control/tasks")).json()).tasks);
  } catch {
    // The twin is restarting: the next round will tell.
  }
}

async function poll() {
  await refresh();
  setTimeout(poll, POLL_MS);
}

function act(action, extra = {}) {
  byId("more").open = false;
  const sent = fetch(`control/${action}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user: chooser.value, ...extra }),
  });
  // The answer comes only when the shop has taken the push; the line itself is there at once.
  setTimeout(refresh, 50);
  return sent.then(refresh, refresh);
}

function onSend(form, field, action) {
  byId(form).addEventListener("submit", (event) => {
    event.preventDefault();
    const text = byId(field).value.trim();
    if (!text) return;
    byId(field).value = "";
    act(action, { text });
  });
}

async function begin() {
  document.documentElement.lang = language;
  document.querySelectorAll("[data-label]").forEach((node) => { node.textContent = label[node.dataset.label]; });
  document.querySelectorAll("[data-aria]").forEach((node) => { node.setAttribute("aria-label", label[node.dataset.aria]); });
  byId("message").placeholder = label.hint;
  const known = await (await fetch("control/users")).json();
  account = known.account;
  byId("account").textContent = account;
  document.title = account;
  known.users.forEach((user) => chooser.append(new Option(user.name, user.id)));
  known.staff.forEach((member) => byId("member").append(new Option(member.name, member.id)));
  if (known.users.some((user) => user.id === query.get("user"))) chooser.value = query.get("user");
  onSend("form", "message", "say");
  onSend("staff-form", "staff-message", "staff_says");
  ["enter", "image", "add_contact", "resend"].forEach((action) => byId(action).addEventListener("click", () => act(action)));
  byId("take").addEventListener("click", () => act("state", { state: 3, staff: byId("member").value }));
  byId("close").addEventListener("click", () => act("close"));
  chooser.addEventListener("change", refresh);
  poll();
}

begin();
