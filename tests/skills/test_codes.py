"""A one-time code by e-mail proves an order, and tells nobody anything else. The mail goes over a real SMTP server."""

import email.policy
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from itertools import count
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import select, update

from bot.bench.stand import RULES
from bot.delivery.claims import Desk, claim
from bot.delivery.pacer import Pacer
from bot.delivery.sender import Sender
from bot.delivery.signal import Signal
from bot.demo.shop import demo_settings
from bot.mail import Smtp
from bot.messages import MAIL
from bot.settings import Codes
from bot.shop.codes import CodeMail
from bot.skills.codes import HIDDEN, MOST_SENT
from bot.skills.proof import MOST_WRONG
from bot.store import tables as t
from tests.skills.scripted import with_settings
from tests.skills.talk import PHONE_ENDS, Customer, Shop, Talk, later, order_of
from tests.skills.test_no_peeking import FAKE, secrets
from tests.webchat_stand import free_port

ORDER = order_of("lin", "shipped")
ADDRESS = "lin@customers.example"
WORDS = {
    "zh": {
        "button": "改用邮箱验证码", "asks": "给我发验证码吧", "where": "我的订单 {} 到哪了", "known": "上海转运中心",
        "wrong": "验证码不对", "late": "没收到验证码", "enough": "发得够多了", "human": "找人工客服",
        "return": "我要退货 {}", "delivered": "哪",
    },
    "en": {
        "button": "E-mail me a code instead", "asks": "can you send me a code", "where": "where is my order {}",
        "known": "Shanghai", "wrong": "isn't right", "late": "I never got the code", "enough": "as many codes",
        "human": "Talk to a person", "return": "I want to return {}", "delivered": "Which",
    },
}  # fmt: skip
LANGUAGES = pytest.mark.parametrize("language", ["zh", "en"])


CODE = re.compile(r"(?<![\dA-Z])\d{6}(?!\d)")


class Mailbox:
    """What a mail server took, as it came over the wire."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer = "250 OK"
        self.breaks_off = False

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        if self.answer.startswith("2"):
            content = message_from_bytes(envelope.content, policy=email.policy.default)  # type: ignore[attr-defined]
            assert isinstance(content, EmailMessage)
            self.mails.append((list(envelope.rcpt_tos), content))  # type: ignore[attr-defined]
        if self.breaks_off:
            server.transport.close()  # type: ignore[attr-defined]
        return self.answer

    def code(self) -> str:
        """The code of the newest mail."""
        match = CODE.search(self.mails[-1][1].get_content())
        assert match
        return match[0]


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def codes(mailbox: Mailbox) -> Iterator[Codes]:
    port = free_port()
    server = Controller(mailbox, hostname="127.0.0.1", port=port)
    server.start()
    yield Codes(smtp_host="127.0.0.1", smtp_port=port, smtp_security="none", sender="service@qinghe.example")
    server.stop()


@pytest.fixture
def talk(shop: Shop, tmp_path: Path, codes: Codes) -> Iterator[Talk]:
    settings = demo_settings().model_copy(update={"codes": codes})
    opened = Talk(with_settings(shop, settings), tmp_path, settings)
    for customer_id, address in (("lin", ADDRESS), ("wang", "")):
        own = t.customers.c.id == customer_id
        opened.write(lambda c, own=own, to=address: c.execute(update(t.customers).where(own).values(email=to)))  # type: ignore[misc]
    yield opened
    opened.close()


@pytest.fixture
def sender(talk: Talk, codes: Codes) -> Sender:
    return sender_of(talk, codes)


def sender_of(talk: Talk, codes: Codes) -> Sender:
    """Return what a process that has just started sends the codes with."""
    made = count(271828)
    mail = CodeMail(talk._database, talk, Smtp(codes), lambda: f"{next(made):06d}")
    return Sender(talk._database, talk, Desk(mail, RULES, Pacer(mail.limits)), Signal(), Signal())


def sends(talk: Talk, sender: Sender) -> None:
    """Have every code sent that is due."""

    async def all_of_them() -> None:
        while await sender.send_next():
            pass

    talk._loop.run(all_of_them())


def statuses(talk: Talk) -> list[str]:
    """What became of the mails."""
    of_mails = select(t.outbox.c.status).where(t.outbox.c.channel == MAIL).order_by(t.outbox.c.id)
    return list(talk.read(lambda c: c.execute(of_mails).scalars()))


def reasons(talk: Talk) -> list[str]:
    of_mails = select(t.outbox.c.reason).where(t.outbox.c.channel == MAIL).order_by(t.outbox.c.id)
    return list(talk.read(lambda c: c.execute(of_mails).scalars()))


def guest_with_code(talk: Talk, sender: Sender, language: str, number: str = ORDER) -> Customer:
    """Return somebody unknown who asked about an order and had a code sent."""
    guest = talk.as_guest(language)
    guest.says(WORDS[language]["where"].format(number))
    guest.taps(WORDS[language]["button"])
    sends(talk, sender)
    return guest


@LANGUAGES
def test_whoever_reads_the_mail_of_the_order_is_shown_it(
    talk: Talk, sender: Sender, mailbox: Mailbox, language: str
) -> None:
    guest = talk.as_guest(language)
    asked = guest.says(WORDS[language]["where"].format(ORDER))
    assert not [word for word in secrets(talk, ORDER) if word in asked]
    assert ADDRESS not in guest.taps(WORDS[language]["button"])
    assert not mailbox.mails, "the turn itself sends nothing"
    sends(talk, sender)
    ((to, mail),) = mailbox.mails
    assert to == [ADDRESS]
    assert ORDER in mail.get_content()
    assert WORDS[language]["known"] in guest.says(mailbox.code())
    assert f"order:{ORDER}" in guest.sources
    later(talk, timedelta(hours=2))
    assert WORDS[language]["known"] in guest.says(WORDS[language]["where"].format(ORDER)), "once proven, always"


@LANGUAGES
def test_a_code_is_asked_for_in_words_and_said_with_other_digits_around(
    talk: Talk, sender: Sender, mailbox: Mailbox, language: str
) -> None:
    guest = talk.as_guest(language)
    guest.says(WORDS[language]["where"].format(ORDER))
    guest.says(WORDS[language]["asks"])
    sends(talk, sender)
    spaced = f"{mailbox.code()[:3]} {mailbox.code()[3:]}"
    assert WORDS[language]["known"] in guest.says(spaced)


@LANGUAGES
def test_what_was_wanted_goes_on_once_the_code_is_right(
    talk: Talk, sender: Sender, mailbox: Mailbox, language: str
) -> None:
    number = order_of("lin", "delivered")
    guest = talk.as_guest(language)
    guest.says(WORDS[language]["return"].format(number))
    guest.taps(WORDS[language]["button"])
    sends(talk, sender)
    guest.says(mailbox.code())
    assert (guest.state.skill, guest.state.step) == ("returns", "line")


@LANGUAGES
def test_an_order_that_does_not_exist_hears_the_same(
    talk: Talk, sender: Sender, mailbox: Mailbox, language: str
) -> None:
    real, made_up = (guest_with_code(talk, sender, language, number) for number in (ORDER, FAKE))
    nobody_s = order_of("wang", "shipped")
    without_address = guest_with_code(talk, sender, language, nobody_s)
    assert len(mailbox.mails) == 1
    wrong = f"{(int(mailbox.code()) + 1) % 10**6:06d}"
    for said in (WORDS[language]["late"], wrong, wrong, "1234", wrong, wrong):
        heard = real.says(said)
        assert heard.replace(ORDER, FAKE) == made_up.says(said)
        assert heard.replace(ORDER, nobody_s) == without_address.says(said)
        assert real.choices == made_up.choices == without_address.choices
        assert not [word for word in secrets(talk, ORDER) if word in heard]
    assert real.waits_for_a_human
    assert made_up.waits_for_a_human


@LANGUAGES
def test_five_wrong_codes_are_enough_even_if_the_sixth_is_right(
    talk: Talk, sender: Sender, mailbox: Mailbox, language: str
) -> None:
    guest = guest_with_code(talk, sender, language)
    for tried in range(4):
        assert WORDS[language]["wrong"] in guest.says(f"{tried:06d}")
    guest.says("000009")
    assert guest.waits_for_a_human
    talk.write(
        lambda c: c.execute(update(t.conversations).where(t.conversations.c.chat == guest.chat.id).values(owner="bot"))
    )
    guest.says(WORDS[language]["where"].format(ORDER))
    assert WORDS[language]["known"] not in guest.says(mailbox.code())


@LANGUAGES
def test_a_code_is_good_for_ten_minutes_only(talk: Talk, sender: Sender, mailbox: Mailbox, language: str) -> None:
    early, late = (guest_with_code(talk, sender, language) for _ in range(2))
    codes_of = [CODE.search(mail.get_content()) for _, mail in mailbox.mails]
    first, second = (match[0] for match in codes_of if match)
    later(talk, timedelta(minutes=9, seconds=59))
    assert WORDS[language]["known"] in early.says(first)
    later(talk, timedelta(seconds=1))
    assert WORDS[language]["wrong"] in late.says(second)


def test_a_code_is_good_for_whom_and_for_what_it_was_asked(talk: Talk, sender: Sender, mailbox: Mailbox) -> None:
    guest_with_code(talk, sender, "en")
    thief = guest_with_code(talk, sender, "en", order_of("lin", "delivered"))
    stolen = CODE.search(mailbox.mails[0][1].get_content())
    assert stolen
    assert "isn't right" in thief.says(stolen[0])
    assert "isn't right" in guest_with_code(talk, sender, "en", FAKE).says(mailbox.code())


def test_a_new_code_ends_the_one_before_and_a_used_one_is_no_good_again(
    talk: Talk, sender: Sender, mailbox: Mailbox
) -> None:
    guest = guest_with_code(talk, sender, "en")
    first = mailbox.code()
    guest.says("I never got the code")
    sends(talk, sender)
    assert "isn't right" in guest.says(first)
    guest.says(mailbox.code())
    assert talk.read(lambda c: c.execute(select(t.proof_codes.c.status)).scalars().all()) == ["used", "used"]
    assert talk.read(lambda c: c.execute(select(t.proof_codes.c.hash)).scalars().all()) == ["", ""]


@LANGUAGES
def test_nobody_can_have_a_mailbox_flooded(talk: Talk, sender: Sender, mailbox: Mailbox, language: str) -> None:
    guest = guest_with_code(talk, sender, language)
    for _ in range(4):
        guest.says(WORDS[language]["late"])
    assert WORDS[language]["enough"] in guest.says(WORDS[language]["late"])
    sends(talk, sender)
    assert len(mailbox.mails) == 5
    for _ in range(7):
        heard = guest_with_code(talk, sender, language)  # from other accounts: the same words, and no mail at the end
    assert len(mailbox.mails) == MOST_SENT
    assert heard.state.step == "phone"
    later(talk, timedelta(hours=1))
    for _ in range(2):
        guest_with_code(talk, sender, language)
    assert len(mailbox.mails) == MOST_SENT + 1, "slowed, and never shut for its owner"
    later(talk, timedelta(days=1, minutes=1))
    guest_with_code(talk, sender, language)
    assert len(mailbox.mails) == MOST_SENT + 2


def test_the_phone_number_still_proves_it_and_without_a_mail_server_no_code_is_offered(
    talk: Talk, shop: Shop, tmp_path: Path
) -> None:
    guest = talk.as_guest("en")
    guest.says(f"where is my order {ORDER}")
    assert "Shanghai" in guest.says(PHONE_ENDS["lin"])
    (tmp_path / "bare").mkdir()
    bare = Talk(shop, tmp_path / "bare")
    other = bare.as_guest("en")
    assert "code" not in other.says(f"where is my order {ORDER}").lower()
    assert other.choices == ()
    other.says("can you send me a code")
    assert bare.read(lambda c: c.execute(select(t.proof_codes)).all()) == []
    bare.close()


def test_no_code_is_kept_or_logged(
    talk: Talk,
    sender: Sender,
    mailbox: Mailbox,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.CRITICAL, logger="mail.log")  # the mail server's own
    guest_with_code(talk, sender, "en")
    mailbox.answer = "451 later"
    guest_with_code(talk, sender, "en")
    said = capsys.readouterr()
    everything = talk.read(
        lambda c: [str(row) for table in t.metadata.sorted_tables for row in c.execute(select(table))]
    )
    for code in (mailbox.code(), f"{int(mailbox.code()) + 1}"):
        assert not [row for row in everything if code in row]
        assert code not in said.out + said.err + caplog.text
    assert ADDRESS not in said.out + said.err + caplog.text


def test_a_server_that_is_busy_is_tried_again_with_a_new_code_and_then_the_staff_hear_of_it(
    talk: Talk, sender: Sender, mailbox: Mailbox
) -> None:
    mailbox.answer = "451 try again later"
    guest = guest_with_code(talk, sender, "en")
    assert statuses(talk) == ["waiting"]
    mailbox.answer = "250 OK"
    later(talk, timedelta(seconds=30))
    sends(talk, sender)
    assert "Shanghai" in guest.says(mailbox.code())
    mailbox.answer = "451 try again later"
    guest_with_code(talk, sender, "en")
    for _ in range(12):
        later(talk, timedelta(minutes=1))
        sends(talk, sender)
    assert statuses(talk)[1:] == ["failed"]
    (task,) = talk.read(
        lambda c: c.execute(select(t.tasks.c.text).where(t.tasks.c.key.like("outbox:code:%"))).scalars()
    )
    assert ORDER in task
    assert "451" in reasons(talk)[-1]


@pytest.mark.parametrize("answer", ["550 no such mailbox", "554 no"])
def test_a_mail_that_is_refused_is_not_tried_again(talk: Talk, sender: Sender, mailbox: Mailbox, answer: str) -> None:
    mailbox.answer = answer
    guest_with_code(talk, sender, "en")
    assert statuses(talk) == ["failed"]


def test_an_address_that_is_none_becomes_a_task_and_no_other_header(
    talk: Talk, sender: Sender, mailbox: Mailbox
) -> None:
    evil = "lin@customers.example\nBcc: everybody@elsewhere.example"
    talk.write(lambda c: c.execute(update(t.customers).where(t.customers.c.id == "lin").values(email=evil)))
    guest_with_code(talk, sender, "en")
    assert statuses(talk) == ["failed"]
    assert mailbox.mails == []


def test_a_server_without_starttls_is_told_nothing(talk: Talk, sender: Sender, codes: Codes, mailbox: Mailbox) -> None:
    safe = sender_of(talk, codes.model_copy(update={"smtp_security": "starttls"}))
    guest_with_code(talk, safe, "en")
    assert mailbox.mails == []
    assert statuses(talk) == ["waiting"]


@LANGUAGES
def test_whoever_is_shut_out_by_the_guesses_of_others_can_still_prove_it_by_a_code(
    talk: Talk, sender: Sender, mailbox: Mailbox, language: str
) -> None:
    for _ in range(MOST_WRONG // 5):
        stranger = talk.as_guest(language)
        stranger.says(WORDS[language]["where"].format(ORDER))
        for digits in ("0001", "0002", "0003", "0004", "0005"):
            stranger.says(digits)
    owner = talk.as_guest(language)
    owner.says(WORDS[language]["where"].format(ORDER))
    assert WORDS[language]["known"] not in owner.says(PHONE_ENDS["lin"])
    assert not owner.waits_for_a_human
    owner.taps(WORDS[language]["button"])
    sends(talk, sender)
    assert WORDS[language]["known"] in owner.says(mailbox.code())


def test_a_code_that_was_asked_for_is_mailed_once_by_whichever_process_comes_next(
    talk: Talk, codes: Codes, mailbox: Mailbox
) -> None:
    guest = talk.as_guest("en")
    guest.says(f"where is my order {ORDER}")
    guest.taps("E-mail me a code instead")
    for _ in range(2):  # the first process died before it sent anything
        sends(talk, sender_of(talk, codes))
    assert len(mailbox.mails) == 1
    assert "Shanghai" in guest.says(mailbox.code())


def test_a_process_that_died_while_it_sent_leaves_a_task_and_no_second_mail(
    talk: Talk, codes: Codes, mailbox: Mailbox
) -> None:
    guest = talk.as_guest("en")
    guest.says(f"where is my order {ORDER}")
    guest.taps("E-mail me a code instead")
    died = sender_of(talk, codes)
    talk.write(lambda c: claim(c, died.desk, 1, 1, talk.now()))
    assert statuses(talk) == ["sending"]
    later(talk, timedelta(minutes=2))
    sends(talk, sender_of(talk, codes))
    assert statuses(talk) == ["unsure"]
    assert mailbox.mails == []
    key = t.tasks.c.key == "outbox:code:1"
    assert talk.read(lambda c: c.execute(select(t.tasks.c.kind).where(key)).scalars().all()) == ["unsure"]
    guest.says("I never got the code")
    sends(talk, sender_of(talk, codes))
    assert "Shanghai" in guest.says(mailbox.code())


def test_a_mail_that_may_have_arrived_is_not_sent_again_and_its_code_is_good(
    talk: Talk, sender: Sender, mailbox: Mailbox
) -> None:
    mailbox.breaks_off = True
    guest = guest_with_code(talk, sender, "en")
    later(talk, timedelta(minutes=2))
    sends(talk, sender)
    assert statuses(talk) == ["unsure"]
    assert len(mailbox.mails) == 1
    assert "Shanghai" in guest.says(mailbox.code())


def test_a_code_that_is_no_longer_wanted_is_not_mailed(talk: Talk, sender: Sender, mailbox: Mailbox) -> None:
    guest = talk.as_guest("en")
    guest.says(f"where is my order {ORDER}")
    guest.taps("E-mail me a code instead")
    guest.says(PHONE_ENDS["lin"])
    sends(talk, sender)
    assert mailbox.mails == []
    assert (statuses(talk), reasons(talk)) == (["dropped"], ["no_longer_true"])


@LANGUAGES
def test_the_outbox_has_the_mail_without_the_code_and_apart_from_what_the_customer_reads(
    talk: Talk, sender: Sender, mailbox: Mailbox, language: str
) -> None:
    guest = guest_with_code(talk, sender, language)
    ((_, mail),) = mailbox.mails
    row = talk.read(lambda c: c.execute(select(t.outbox).where(t.outbox.c.channel == MAIL)).one())
    assert row.text.replace(HIDDEN, mailbox.code()).split() == mail.get_content().split()
    assert {source["id"] for source in row.sources} == {"proof.mail_subject", "proof.mail_text"}
    assert (row.purpose, row.status) == ("service", "sent")
    own = select(t.conversations.c.id).where(t.conversations.c.chat == guest.chat.id)
    assert row.conversation_id != talk.read(lambda c: c.execute(own).scalar_one())
