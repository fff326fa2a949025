"""Invoices (发票, VAT): for which paid order, to whom, with which tax id, where to; read back, then asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any

from bot.messages import Choice, Source
from bot.shop.commands import AskInvoice, Outcome
from bot.shop.port import Invoice, Order, OrderStatus
from bot.skills import offers, proof, shown
from bot.skills.agreeing import says_no, says_yes
from bot.skills.choices import is_question
from bot.skills.turn import OPTIONAL, Do, Effect, Handoff, Note, Say, Skill, Step, Turn, phrases
from bot.understanding.billing import ONLY_KIND, Billing, billing_in
from bot.understanding.text import normal

NAME, WISH = "invoices", "invoice_request"
KINDS = ("person", "company")
NONE_FOR = (OrderStatus.CANCELLED, OrderStatus.REFUNDED, OrderStatus.RETURNED)
TRIES = 2
"""Tax ids that are none before people take over."""
PHRASES = phrases(
    invoices="kind order.number; kind_person; kind_company; title_person; title_company; tax; bad_tax tax.id; email; "
    "read_back order.number invoice.title invoice.email; read_back_company order.number invoice.title invoice.tax "
    "invoice.email; yes; no; what_else; asked order.number; pending order.number; refused order.number; "
    "unpaid order.number; none order.number; wanted order.number invoice.title; "
    "issued order.number invoice.title; link invoice.url; other_title; to_human order.number"
)
ASKED_FOR = re.compile(r"发票|开票|\binvoice\b|\bfapiao\b|\bvat receipt\b")
ENTRIES = frozenset({"invoice-when", "invoice-correct"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What is known of the invoice so far; plain values, kept as slots.

    Attributes:
        tries: tax ids that were none.
        again: it is asked for once more, in place of the one asked for before.
    """

    kind: str = ""
    title: str = ""
    tax: str = ""
    email: str = ""
    tries: int = 0
    again: bool = False

    def slots(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}

    def with_(self, told: Billing) -> Draft:
        """Return the draft with what a message tells; a person has no tax id."""
        kind = told.kind or self.kind
        tries = self.tries + bool(told.bad_tax_id)
        tax = told.tax_id or ("" if told.kind == "person" else self.tax)
        title = told.title or ("" if told.kind and self.kind and told.kind != self.kind else self.title)
        return replace(self, kind=kind, title=title, tax=tax, email=told.email or self.email, tries=tries)


def run(turn: Turn) -> Step | None:
    """Take the invoice as far as this message goes: a question, why there is none, or the wish given to the shop."""
    waits = turn.state.skill == NAME
    step = turn.state.step if waits else ""
    draft = Draft(**{k: v for k, v in turn.state.slots.items() if k in Draft.__slots__}) if waits else Draft()
    told = _told(turn, step)
    if waits and not _answers(turn, step, told):
        return None
    draft = replace(draft.with_(told), again=draft.again or turn.choice == "invoice:again" or _of_other_kind(turn))
    found = proof.find_order(turn, NAME, _likely)
    if isinstance(found, Step):
        return replace(found, state=found.state.keeping(**draft.slots()))
    return _why_not(turn, draft, found) or _next(turn, draft, told, found)


def _gives_billing(turn: Turn) -> str:
    """Return the wish of someone who asks for an invoice and says to whom: names and numbers hide what is wanted."""
    if (turn.state.skill, turn.state.step) == (NAME, OPTIONAL) and _of_other_kind(turn):
        return WISH
    if turn.state.skill == NAME or turn.choice or turn.meaning.is_wary or not ASKED_FOR.search(normal(turn.text)):
        return ""
    told = billing_in(_without_order(turn))
    of_order = turn.meaning.value("order") is not None and not is_question(turn.text) and _asks_for_one(turn)
    return WISH if told.title or told.tax_id or told.email or of_order else ""


def _of_other_kind(turn: Turn) -> bool:
    """Return whether nothing is said but that it be for a person, or a company, after all: `还是开公司的吧`."""
    text = turn.text.strip()
    return not turn.choice and bool(billing_in(text).kind) and ONLY_KIND.fullmatch(text) is not None


def _asks_for_one(turn: Turn) -> bool:
    """Return whether nothing but an invoice is asked for, whatever entry on invoices it sounds like."""
    labels = {turn.meaning.best, *(label for label, _ in turn.meaning.parts)} - {"", WISH}
    return all((label, turn.language) in turn.knowledge.entries and "invoice" in label for label in labels)


def _told(turn: Turn, step: str) -> Billing:
    if turn.choice.startswith("invoice:"):
        kind = turn.choice.removeprefix("invoice:")
        return Billing(kind=kind if kind in KINDS else "")
    if turn.choice or step in ("order", "phone"):
        return Billing() if turn.choice else billing_in(_without_order(turn))
    other = (
        is_question(turn.text) or "还是" in turn.text or turn.meaning.is_sure
    )  # something else is wanted: no name of anybody
    asked = step if step in ("title", "tax") and not other else ""
    return billing_in(_without_order(turn), asked=asked)


def _without_order(turn: Turn) -> str:
    """Return the message without the numbers of orders, which look like tax ids."""
    text = turn.text
    for number in turn.meaning.values("order"):
        text = re.sub(re.escape(number), " ", text, flags=re.IGNORECASE)
    return text


def _answers(turn: Turn, step: str, told: Billing) -> bool:
    if turn.choice:
        return turn.choice.startswith(("invoice:", *proof.CHOICES))
    agreeing = says_yes(turn, "") or says_no(turn, "")
    if turn.meaning.best == "cancel_dialogue" or (agreeing and step != "agree"):
        return False
    facts = replace(told, kind="", has_none=False) != Billing()
    if step in ("order", "phone"):
        return proof.answers(turn) or facts
    if facts or turn.meaning.value("order"):
        return True
    if is_question(turn.text):
        return False
    if step == OPTIONAL:
        return _of_other_kind(turn) or turn.meaning.best == WISH
    return agreeing or bool(told) or turn.meaning.best == WISH


def _likely(order: Order) -> bool:
    return order.status not in (OrderStatus.UNPAID, *NONE_FOR)


def _why_not(turn: Turn, draft: Draft, order: Order) -> Step | None:
    """Return what is said where no invoice can be asked for (again)."""
    number = {"order.number": order.number}
    if order.status is OrderStatus.UNPAID:
        return _done(turn, order, Say("invoices.unpaid", number), Say("invoice-when"))
    if order.status in NONE_FOR:
        return _done(turn, order, Say("invoices.none", number, (offers.human(turn),)))
    invoice = turn.shop.invoice_of(order.number)
    if invoice is None or (invoice.status == "wanted" and (draft.again or draft.title or draft.tax)):
        return None
    return _known(turn, order, invoice)


def _known(turn: Turn, order: Order, invoice: Invoice) -> Step:
    """Tell how far an invoice has come that was asked for before."""
    fields = {"order.number": order.number, "invoice.title": invoice.title}
    sources = (shown.order_source(order), Source(f"invoice:{order.number}", invoice.status))
    if invoice.status == "issued":
        said = Say("invoices.issued", fields, sources=sources)
        link = (Say("invoices.link", {"invoice.url": invoice.url}, sources=sources),) if invoice.url else ()
        return _done(turn, order, said, *link, Say("invoice-correct", choices=(offers.human(turn),)))
    if invoice.status == "wanted":
        again = Choice("invoice:again", turn.phrase("invoices.other_title"))
        said = Say("invoices.wanted", fields, sources=sources)
        waiting = turn.state.waiting(NAME, OPTIONAL, order=order.number)
        when = Say("invoice-when", choices=(again, offers.human(turn)))
        return Step((said, when), waiting, proof.proof_effects(turn, order))
    return _to_people(turn, Draft(title=invoice.title), order)


def _next(turn: Turn, draft: Draft, told: Billing, order: Order) -> Step:
    """Ask for what is missing, read all of it back, or have the invoice issued."""
    number = {"order.number": order.number}
    if draft.tries >= TRIES or (told.has_none and draft.kind != "person"):
        return _to_people(turn, draft, order)
    if told.bad_tax_id:
        return _question(turn, draft, order, "tax", Say("invoices.bad_tax", {"tax.id": told.bad_tax_id}))
    if not draft.kind:
        choices = tuple(Choice(f"invoice:{kind}", turn.phrase(f"invoices.kind_{kind}")) for kind in KINDS)
        return _question(turn, draft, order, "kind", Say("invoices.kind", number, choices))
    if not draft.title:
        return _question(turn, draft, order, "title", Say(f"invoices.title_{draft.kind}"))
    if draft.kind == "company" and not draft.tax:
        return _question(turn, draft, order, "tax", Say("invoices.tax"))
    if not draft.email:
        return _question(turn, draft, order, "email", Say("invoices.email"))
    if turn.state.step == "agree" and says_yes(turn, "invoice:yes") and not told:
        return _have_issued(turn, draft, order)
    if turn.state.step == "agree" and says_no(turn, "invoice:no") and not told:
        return _question(turn, draft, order, "agree", Say("invoices.what_else"))
    choices = (Choice("invoice:yes", turn.phrase("invoices.yes")), Choice("invoice:no", turn.phrase("invoices.no")))
    fields = {**number, "invoice.title": draft.title, "invoice.email": draft.email}
    if draft.kind == "company":
        return _question(
            turn,
            draft,
            order,
            "agree",
            Say("invoices.read_back_company", {**fields, "invoice.tax": draft.tax}, choices),
        )
    return _question(turn, draft, order, "agree", Say("invoices.read_back", fields, choices))


def _question(turn: Turn, draft: Draft, order: Order, step: str, said: Say) -> Step:
    choices = (*said.choices, offers.human(turn))
    spoken = replace(said, choices=choices, sources=(shown.order_source(order),))
    waiting = turn.state.waiting(NAME, step, order=order.number, **draft.slots())
    return Step((spoken,), waiting, proof.proof_effects(turn, order))


def _done(turn: Turn, order: Order, *says: Say) -> Step:
    first, *rest = says
    spoken = replace(first, sources=tuple(dict.fromkeys((*first.sources, shown.order_source(order)))))
    return Step((spoken, *rest), turn.state.idle(), proof.proof_effects(turn, order))


def _have_issued(turn: Turn, draft: Draft, order: Order) -> Step:
    number, source = {"order.number": order.number}, (shown.order_source(order),)
    human = (offers.human(turn),)
    said = {
        Outcome.DONE: Say("invoices.asked", number, offers.labelled(turn, ("invoice-when",)), source),
        Outcome.PENDING: Say("invoices.pending", number, human, source),
        Outcome.REFUSED: Say("invoices.refused", number, human, source),
    }
    do = Do(AskInvoice(order.number, draft.title, draft.tax, draft.email), said)
    after = turn.state.idle().waiting(NAME, OPTIONAL, order=order.number)  # `for a company after all`
    return Step((), after, (*proof.proof_effects(turn, order), do))


def _to_people(turn: Turn, draft: Draft, order: Order) -> Step:
    """Leave all that was collected to people: the tax id does not check, or there is none."""
    known = ", ".join(filter(None, (draft.kind, draft.title, draft.tax, draft.email, turn.text)))
    note = Note(f"Invoice of order {order.number}: {known}", WISH)
    said = Say("invoices.to_human", {"order.number": order.number}, sources=(shown.order_source(order),))
    proven: tuple[Effect, ...] = proof.proof_effects(turn, order)
    return Step((said,), turn.state.idle(), (*proven, note), Handoff(f"{WISH} {order.number}", 1))


SKILL = Skill(
    NAME,
    frozenset({WISH}),
    run,
    PHRASES,
    ENTRIES,
    about=frozenset({"order"}),
    settles=_gives_billing,
    beside=lambda _: ENTRIES | {"invoice-how", "invoice-company", "invoice-special"},
)
