"""One task of the list."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from handoff.console.hidden import Revealed, hidden_value
from handoff.console.labels import Labels, reason_words
from handoff.console.look import box, button, channel_name, chip, moment, since, text
from handoff.tasks import Task

OnOpen = Callable[[str], Awaitable[None]]
OnDone = Callable[[int], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class TaskCard:
    """A task, whether its conversation is the one shown, and whether it is the viewer's."""

    task: Task
    selected: bool
    mine: bool


def show_task(card: TaskCard, labels: Labels, on_open: OnOpen, on_done: OnDone, revealed: Revealed) -> None:
    """Show a task. A click opens its conversation, where it has one."""
    task = card.task
    made = box("zg-task zg-on" if card.selected else "zg-task")
    made.props["data-task"] = str(task.id)
    with made:
        if task.conversation_id is None:
            opener = box("zg-task-body")
        else:
            talk_id = task.conversation_id
            opener = box("zg-task-body zg-task-open", "button").props('type="button"')
            opener.on("click", lambda: on_open(talk_id))
        with opener:
            with box("zg-card-top"):
                text(reason_words(task.kind, labels), "zg-name")
                since(task.created_at)
            if not task.hidden:
                text(task.text, "zg-task-text")
            _clocks(task, labels)
            with box("zg-card-low"):
                if task.channel:
                    chip(task.channel if task.kind == "alert" else channel_name(task.channel))
                if task.customer:
                    chip(task.customer)
                if card.mine:
                    chip(labels["task_mine"], "zg-owner-agent")
                elif task.agent_name:
                    chip(labels["task_for" if task.agent_id else "task_agent"].format(name=task.agent_name))
        if task.hidden:
            hidden_value(labels, labels["task"], task.text, (f"task:{task.id}", "text"), revealed, "zg-task-text")
        button(labels["done"], "done", lambda: on_done(task.id), "zg-button zg-done")


def _clocks(task: Task, labels: Labels) -> None:
    """Show until when the task wants an answer, and an end."""
    due = {"task_answer_by": task.answer_by, "task_due": task.due_at}
    if any(due.values()):
        with box("zg-card-low"):
            for label, at in due.items():
                if at is not None:
                    chip(labels[label])
                    moment(at)
