"""What the WeChat callback takes and what it refuses."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.messages import Chat, Event, SendStatus
from connectors.twin.wechat_cipher import sign, to_xml
from connectors.wechat.account import Kind
from connectors.wechat.connector import MAX_BODY_BYTES
from tests.wechat.stage import AES_KEY, CHANNEL, LI, START, TOKEN, Stage, refused_so_far, staged


def verification(stage: Stage, token: str = TOKEN, age_s: int = 0) -> dict[str, str]:
    timestamp = str(int(stage.clock.now().timestamp()) - age_s)
    return {"signature": sign(token, timestamp, "n"), "timestamp": timestamp, "nonce": "n", "echostr": "<b>5927</b>"}


async def test_the_verification_gets_its_echo_back_as_plain_text(stage: Stage) -> None:
    answer = await stage.http.get(stage.callback, params=verification(stage))
    assert (answer.status_code, answer.text) == (200, "<b>5927</b>")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_a_verification_with_another_token_or_an_old_one_is_refused(stage: Stage) -> None:
    forged = await stage.http.get(stage.callback, params=verification(stage, token="other"))
    unsigned = await stage.http.get(stage.callback)
    old = await stage.http.get(stage.callback, params=verification(stage, age_s=301))
    assert [forged.status_code, unsigned.status_code, old.status_code] == [403, 403, 403]


PLAIN = to_xml({"FromUserName": LI, "CreateTime": 1795312800, "MsgType": "text", "Content": "x", "MsgId": 3})


@pytest.mark.parametrize("text", ["尺码怎么选？", "😀 ]]> <b>&amp;</b>", "<Encrypt>AAAA</Encrypt>"])
async def test_a_test_account_chats_in_plain_text(sandbox: Stage, text: str) -> None:
    result = await sandbox.does("say", text=text)
    assert (result["delivered"], result["attempts"]) == (True, 1)
    (message,) = sandbox.host.received
    assert (message.text, message.chat, message.sent_at) == (text, Chat(CHANNEL, LI), START)
    assert (await sandbox.send("您好")).status is SendStatus.SENT
    assert await sandbox.chat() == [("user", text), ("account", "您好")]


async def test_a_test_accounts_address_is_verified_and_what_comes_twice_has_one_key(sandbox: Stage) -> None:
    answer = await sandbox.http.get(sandbox.callback, params=verification(sandbox))
    assert (answer.status_code, answer.text) == (200, "<b>5927</b>")
    await sandbox.does("say", text="在吗")
    await sandbox.does("resend")
    await sandbox.does("follow", scene="table-4")
    _said, followed = sandbox.host.received
    assert (followed.event, followed.payload) == (Event.STARTED, "table-4")


async def test_a_plain_message_with_a_wrong_signature_is_refused_and_counted(sandbox: Stage) -> None:
    before = refused_so_far("signature")
    for forged in ("", "0" * 40, sign("guessed", str(int(START.timestamp())), "n")):
        assert (await sandbox.push_plain(PLAIN, signature=forged)).status_code == 403
    assert (await sandbox.http.post(sandbox.callback, content=PLAIN)).status_code == 403
    assert refused_so_far("signature") == before + 4
    assert sandbox.host.received == []


@pytest.mark.parametrize("age_s", [301, -301, 86400])
async def test_a_plain_message_from_another_time_is_refused(sandbox: Stage, age_s: int) -> None:
    before = refused_so_far("stale")
    assert (await sandbox.push_plain(PLAIN, age_s=age_s)).status_code == 403
    assert (refused_so_far("stale"), sandbox.host.received) == (before + 1, [])
    assert (await sandbox.push_plain(PLAIN, age_s=299)).status_code == 200


async def test_a_plain_message_over_64_kib_is_refused(sandbox: Stage) -> None:
    assert (await sandbox.push_plain(b"x" * (MAX_BODY_BYTES + 1))).status_code == 400


async def test_a_test_account_takes_no_encrypted_message() -> None:
    async with staged(Kind.TEST, twins_key=AES_KEY) as stage:
        result = await stage.does("say", text="在吗")
        assert (result["delivered"], result["status"]) == (False, 400)
        assert (await stage.push_plain(to_xml({"ToUserName": "gh", "Encrypt": "AAAA"}))).status_code == 400
        assert (await stage.push_plain(PLAIN, encrypt_type="aes")).status_code == 400
        assert stage.host.received == []


async def test_a_test_account_is_warned_of_at_its_start_and_a_real_one_is_not() -> None:
    with capture_logs() as logs:
        async with staged():
            pass
        assert logs == []
        async with staged(Kind.TEST, twins_key=""):
            pass
    (line,) = logs
    assert (line["event"], line["log_level"], line["channel"]) == ("wechat_unencrypted", "warning", CHANNEL)


async def test_a_wrong_signature_is_refused_and_counted(stage: Stage) -> None:
    before = refused_so_far("signature")
    answer = await stage.push("<xml/>", token="guessed")
    assert (answer.status_code, stage.host.received) == (403, [])
    assert refused_so_far("signature") == before + 1


@pytest.mark.parametrize("age_s", [301, -301, 86400])
async def test_a_callback_from_another_time_is_refused(stage: Stage, age_s: int) -> None:
    xml = to_xml({"FromUserName": LI, "CreateTime": 1, "MsgType": "text", "Content": "x", "MsgId": 3})
    assert (await stage.push(xml, age_s=age_s)).status_code == 403
    assert stage.host.received == []
    assert (await stage.push(xml, age_s=299)).status_code == 200


async def test_a_message_for_another_app_is_refused(stage: Stage) -> None:
    before = refused_so_far("app_id")
    assert (await stage.push("<xml/>", app_id="wx0000000000000000")).status_code == 403
    assert refused_so_far("app_id") == before + 1


async def test_a_body_over_64_kib_is_refused(stage: Stage) -> None:
    before = refused_so_far("size")
    answer = await stage.http.post(stage.callback, content=b"x" * (MAX_BODY_BYTES + 1))
    assert answer.status_code == 400
    assert refused_so_far("size") == before + 1


async def test_plain_mode_is_refused_though_its_signature_is_right(stage: Stage) -> None:
    assert (await stage.push_plain(PLAIN)).status_code == 400
    assert (await stage.push_plain(PLAIN, encrypt_type="raw")).status_code == 400
    assert stage.host.received == []


async def test_a_plain_pushing_account_reaches_no_shop_that_expects_encryption() -> None:
    async with staged(twins_key="") as stage:
        result = await stage.does("say", text="在吗")
        assert (result["delivered"], result["status"], stage.host.received) == (False, 400, [])


junk = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@junk
@given(
    body=st.binary(max_size=300),
    query=st.dictionaries(st.sampled_from(["timestamp", "nonce", "msg_signature"]), st.text(max_size=20)),
)
async def test_junk_from_strangers_is_refused_without_an_error(
    stage: Stage, body: bytes, query: dict[str, str]
) -> None:
    wrapped = b"<xml><Encrypt>" + body.hex().encode() + b"</Encrypt></xml>"
    for content in (body, wrapped):
        answer = await stage.http.post(stage.callback, params=query, content=content)
        assert answer.status_code in (400, 403)


names = st.sampled_from(
    ["FromUserName", "CreateTime", "MsgType", "MsgId", "Content", "Event", "EventKey", "bizmsgmenuid"]
)
values = st.one_of(
    st.sampled_from(
        ["text", "event", "image", "subscribe", "CLICK", "<a>1</a>", "qrscene_1", "-1", "9" * 5000, "٣", ""]
    ),
    st.text(max_size=12).map(lambda text: text.replace("<", "").replace("&", "")),
)


@junk
@given(fields=st.lists(st.tuples(names, values), max_size=10), plain=st.text(max_size=40), whole=st.booleans())
async def test_signed_junk_is_refused_or_ignored_without_an_error(
    stage: Stage, fields: list[tuple[str, str]], plain: str, whole: bool
) -> None:
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in fields)
    answer = await stage.push(f"<xml>{elements}</xml>" if whole else plain)
    assert answer.status_code in (200, 400)
    assert all(isinstance(message.text, str) and isinstance(message.user, str) for message in stage.host.received)


@junk
@given(fields=st.lists(st.tuples(names, values), max_size=10), plain=st.binary(max_size=60), whole=st.booleans())
async def test_plain_junk_with_a_right_signature_is_refused_or_ignored_without_an_error(
    sandbox: Stage, fields: list[tuple[str, str]], plain: bytes, whole: bool
) -> None:
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in fields)
    answer = await sandbox.push_plain(f"<xml>{elements}</xml>" if whole else plain)
    assert answer.status_code in (200, 400)
    assert all(isinstance(message.text, str) and isinstance(message.user, str) for message in sandbox.host.received)


async def test_entities_in_a_plain_message_are_refused(sandbox: Stage) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + PLAIN.replace("<![CDATA[x]]>", "&b;")
    assert "&b;" in bomb
    assert (await sandbox.push_plain(bomb)).status_code == 400
    assert sandbox.host.received == []


@pytest.mark.parametrize(
    "broken",
    [
        {"CreateTime": "soon"},
        {"CreateTime": "9" * 5000},
        {"CreateTime": "9" * 18},
        {"MsgId": "x"},
        {"MsgId": 0},
        {"FromUserName": ""},
        {"MsgType": ""},
    ],
)
async def test_a_signed_message_with_a_broken_field_is_refused(stage: Stage, broken: dict[str, str | int]) -> None:
    whole: dict[str, str | int] = {"MsgType": "text", "Content": "x", "MsgId": 3}
    assert (await stage.push_fields(**{**whole, **broken})).status_code == 400
    assert (await stage.push_fields(**whole)).status_code == 200
    assert len(stage.host.received) == 1


@pytest.mark.parametrize("sealed", ["AAAA", "A" * 43 + "=", "A" * 64, "===="])
async def test_a_signed_but_broken_cipher_text_is_refused(stage: Stage, sealed: str) -> None:
    timestamp = str(int(START.timestamp()))
    query = {"timestamp": timestamp, "nonce": "n", "msg_signature": sign(TOKEN, timestamp, "n", sealed)}
    answer = await stage.http.post(stage.callback, params=query, content=f"<xml><Encrypt>{sealed}</Encrypt></xml>")
    assert answer.status_code in (400, 403)
