"use strict";

const LABELS = {
  en: {
    user: "act as", chat: "open chat", private: "Bot", message: "Message", start: "START", restart: "RESTART",
    block: "Block", unblock: "Unblock", bot: "bot", group: "group", typing: "typing…", photo: "Photo",
    edited: "edited", file: "File", closed: "closed", topic: "topic", general: "General",
    forum_topic_created: "topic made", forum_topic_edited: "topic renamed",
    forum_topic_closed: "topic closed", forum_topic_reopened: "topic opened again",
    new_chat_members: "joined", left_chat_member: "left", offline: "The stand-in does not answer.",
  },
  zh: {
    user: "扮演", chat: "打开会话", private: "机器人", message: "消息", start: "开始", restart: "重新开始",
    block: "屏蔽", unblock: "取消屏蔽", bot: "机器人", group: "群组", typing: "正在输入…", photo: "图片",
    edited: "已编辑", file: "文件", closed: "已结束", topic: "话题", general: "综合",
    forum_topic_created: "创建了话题", forum_topic_edited: "修改了话题",
    forum_topic_closed: "关闭了话题", forum_topic_reopened: "重新打开了话题",
    new_chat_members: "进群了", left_chat_member: "退群了", offline: "模拟平台没有回应。",
  },
};

const query = new URLSearchParams(location.search);
const lang = (query.get("lang") || "en").startsWith("zh") ? "zh" : "en";
const say = LABELS[lang];
const at = (id) => document.getElementById(id);
const me = { user: 0, chat: 0, thread: null, private: true, seen: "", state: null };

async function post(action, body) {
  const answer = await fetch(`control/${action}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error((await answer.json()).error);
}

async function act(action, body) {
  try {
    await post(action, body);
    showError("");
    await refresh();
  } catch (error) {
    showError(error.message);
  }
}

function showError(text) {
  at("error").textContent = text;
  at("error").hidden = !text;
}

function node(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function keys(message) {
  const box = node("div", "keys");
  for (const row of message.buttons) {
    const line = node("div");
    for (const button of row) {
      const link = button.url && /^https?:\/\//.test(button.url);
      const key = node(link ? "a" : "button", "", button.text);
      if (link) {
        key.href = button.url;
        key.target = "_blank";
        key.rel = "noopener noreferrer";
      } else {
        key.type = "button";
        key.addEventListener("click", () =>
          act("tap", { user: me.user, message_id: message.id, data: button.data }));
      }
      line.append(key);
    }
    box.append(line);
  }
  return box;
}

function picture(message) {
  const image = node("img", "photo");
  image.src = message.photo;
  image.alt = say.photo;
  return image;
}

function poll(message) {
  const box = node("div", "keys poll");
  message.poll.options.forEach((option, number) => {
    const key = node("button", option.mine ? "mine" : "", `${option.mine ? "✓ " : ""}${option.text} · ${option.votes}`);
    key.type = "button";
    key.disabled = message.poll.closed;
    key.setAttribute("aria-pressed", String(option.mine));
    key.addEventListener("click", () =>
      act("vote", { user: me.user, message_id: message.id, options: option.mine ? [] : [number] }));
    box.append(key);
  });
  return box;
}

function bubble(message) {
  const mine = message.from.id === me.user;
  const item = node("li", mine ? "mine" : "theirs");
  item.dataset.id = message.id;
  const body = node("div", "bubble");
  if (!mine && !me.private) body.append(node("span", "name", message.from.name));
  if (message.photo) body.append(picture(message));
  if (message.file) body.append(node("span", "file", say.file));
  const words = say[message.service] || (message.poll ? message.poll.question : message.text);
  body.append(node("span", message.service ? "file" : "text", words));
  const clock = new Date(message.time * 1000).toLocaleTimeString(lang, { hour: "2-digit", minute: "2-digit" });
  body.append(node("time", "", message.edited ? `${say.edited} ${clock}` : clock));
  if (message.poll && message.poll.closed) body.append(node("span", "file", say.closed));
  item.append(body);
  if (message.poll) item.append(poll(message));
  if (message.buttons.length) item.append(keys(message));
  return item;
}

function draw(state) {
  const started = !me.private || (state.started && !state.blocked);
  at("status").textContent = state.typing ? say.typing : me.private ? say.bot : say.group;
  at("composer").hidden = !started;
  at("start").hidden = started;
  at("start").textContent = state.blocked ? say.restart : say.start;
  at("block").hidden = !me.private || !state.started;
  at("block").textContent = state.blocked ? say.unblock : say.block;
  me.state = state;
  drawTopics(state.topics);
  const messages = state.messages.filter((message) => !state.topics || message.thread === me.thread);
  const shape = JSON.stringify([me.user, me.chat, me.thread, messages]);
  if (shape === me.seen) return;
  me.seen = shape;
  sync(at("log"), messages);
}

// A group with topics shows one of them at a time; the first choice is the part that is no topic.
function drawTopics(topics) {
  const select = at("topic");
  select.hidden = !topics;
  if (!topics) {
    me.thread = null;
    return;
  }
  const pairs = topics.map((topic) => [topic.message_thread_id, `${topic.closed ? "✓ " : ""}${topic.name}`]);
  const shape = JSON.stringify([me.chat, pairs]);
  if (select.shape !== shape) {
    const chosen = select.value;
    select.shape = shape;
    select.replaceChildren(...[["", say.general], ...pairs].map(([value, text]) => new Option(text, value)));
    if ([...select.options].some((option) => option.value === chosen)) select.value = chosen;
  }
  me.thread = Number(select.value) || null;
}

// Only what changed is replaced, so that screen readers hear new messages and focus stays on a button.
function sync(log, messages) {
  const owner = `${me.user}/${me.chat}/${me.thread}`;
  if (log.dataset.owner !== owner) {
    log.dataset.owner = owner;
    log.replaceChildren();
  }
  const low = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  messages.forEach((message, index) => {
    const shape = JSON.stringify(message);
    const old = log.children[index];
    if (old && old.shape === shape) return;
    const made = bubble(message);
    made.shape = shape;
    if (old) old.replaceWith(made);
    else log.append(made);
  });
  if (low) log.scrollTop = log.scrollHeight;
}

async function refresh() {
  const wanted = me.chat;
  const answer = await fetch(`control/messages?chat=${wanted}&user=${me.user}`);
  const state = await answer.json();
  if (answer.ok && wanted === me.chat) draw(state);
}

async function watch() {
  try {
    await refresh();
    if (at("error").textContent === say.offline) showError("");
  } catch {
    showError(say.offline);
  }
  setTimeout(watch, 500);
}

function choose() {
  me.user = Number(at("user").value);
  me.private = at("chat").value === "private";
  me.chat = me.private ? me.user : Number(at("chat").value);
  at("title").textContent = at("chat").selectedOptions[0].textContent;
  document.querySelector(".avatar").textContent = [...at("title").textContent][0] || "";
  refresh().catch(() => showError(say.offline));
}

function fill(select, pairs, label) {
  select.setAttribute("aria-label", label);
  for (const [value, text] of pairs) select.append(new Option(text, value));
  select.addEventListener("change", choose);
}

function submit(event) {
  event.preventDefault();
  const text = at("text").value.trim();
  if (!text) return;
  at("text").value = "";
  act("say", { user: me.user, chat: me.chat, thread: me.thread, text });
}

async function open() {
  document.documentElement.lang = lang;
  at("text").placeholder = say.message;
  const world = await (await fetch("control/state")).json();
  fill(at("user"), world.users.map((user) => [user.id, user.name]), say.user);
  const groups = world.groups.map((group) => [group.id, group.title]);
  fill(at("chat"), [["private", `@${world.bot.username}`], ...groups], say.chat);
  at("topic").setAttribute("aria-label", say.topic);
  at("topic").addEventListener("change", () => refresh().catch(() => showError(say.offline)));
  if (world.users.some((user) => String(user.id) === query.get("user"))) at("user").value = query.get("user");
  if (groups.some(([id]) => String(id) === query.get("chat"))) at("chat").value = query.get("chat");
  at("composer").addEventListener("submit", submit);
  at("text").addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  });
  at("start").addEventListener("click", () => act("start", { user: me.user, payload: query.get("start") || "" }));
  at("block").addEventListener("click", () =>
    act(me.state.blocked ? "unblock" : "block", { user: me.user }));
  choose();
  watch();
}

open().catch(() => showError(say.offline));
