"""Who the customer is, and what they talked about before, here and on other channels."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from handoff.console.hidden import Revealed, hidden_fact
from handoff.console.labels import Labels, wrap_up_words
from handoff.console.look import box, channel_name, chip, moment, money, section, text
from handoff.customer import Person
from handoff.past import Closed, Past
from handoff.talks import Talk

OnBeside = Callable[[str | None], Awaitable[None]]


def show_person(person: Person | None, group: bool, labels: Labels, revealed: Revealed) -> None:
    """Show name, tier, spending and the masked phone, as far as they are known."""
    section(labels["person"])
    if person is None:
        text(labels["is_group" if group else "unknown"], "zg-soft")
        return
    with box("zg-person"):
        text(person.name[:1].upper() or "?", "zg-face").props('aria-hidden="true"')
        with box("zg-person-words"):
            text(person.name or "?", "zg-name")
            if person.unreachable:
                chip(labels["unreachable"], "zg-bad")
    if person.spent is None:
        text(labels["unknown"], "zg-soft")
        return
    facts = {"tier": person.tier, "spent": money(person.spent)}
    for label, value in facts.items():
        if value:
            with box("zg-fact"):
                text(labels[label], "zg-soft")
                text(value, "zg-value")
    hidden_fact(labels, "phone", person.phone, (f"person:{person.id}", "phone"), revealed)


def show_past(past: Past, beside: str | None, on_beside: OnBeside, labels: Labels) -> None:
    """Show other channels of the person, each to be opened beside, and how earlier talks ended."""
    if past.elsewhere:
        section(labels["elsewhere"])
        for talk in past.elsewhere:
            _elsewhere(talk, talk.id == beside, on_beside, labels)
    if past.maybe:
        section(labels["maybe_same"])
        text(labels["maybe_why"], "zg-soft")
        for talk in past.maybe:
            _elsewhere(talk, talk.id == beside, on_beside, labels, talk.name)
    if past.closed:
        section(labels["past"])
        for closed in past.closed:
            _closed(closed, labels)


def _elsewhere(talk: Talk, is_open: bool, on_beside: OnBeside, labels: Labels, name: str = "") -> None:
    opener = box("zg-elsewhere zg-on" if is_open else "zg-elsewhere", "button").props('type="button"')
    opener.props["aria-pressed"] = "true" if is_open else "false"
    opener.props["title"] = labels["beside_close" if is_open else "beside_open"]
    opener.on("click", partial(on_beside, None if is_open else talk.id))
    with opener:
        with box("zg-card-top"):
            chip(channel_name(talk.channel))
            if name:
                text(name, "zg-name")
            text(labels[f"owner_{talk.owner.value}"].format(name=talk.agent_name), "zg-soft")
            moment(talk.last_at)
        text(talk.last_text, "zg-last")


def _closed(closed: Closed, labels: Labels) -> None:
    with box("zg-fact"):
        with box("zg-past"):
            text(wrap_up_words(closed.reason, labels) or labels["mark_closed"].format(name=closed.agent))
            text(f"{channel_name(closed.channel)} · {closed.agent}", "zg-soft")
        moment(closed.at)
