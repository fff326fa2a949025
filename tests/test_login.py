"""The way into the console over HTTP: links, passwords, codes of the phone, sessions, and how guessing is slowed."""

from __future__ import annotations

import re
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import pyotp
import pytest
from sqlalchemy import select

from bot.clock import IdMaker
from bot.delivery.signal import Signal
from bot.errors import NotAllowed
from bot.store import tables as t
from bot.store.database import Database
from handoff import people, presence
from handoff.console.account import browser_name
from handoff.console.actions import Actions
from handoff.console.session import Safety, Session
from tests.conftest import StandingClock
from tests.console_stand import PASSWORD, Stand, make_stand, staff, told


@pytest.fixture
async def stand(database: Database, clock: StandingClock, new_id: IdMaker) -> Stand:
    await database.write(lambda c: staff(c, clock))
    return make_stand(database, clock, new_id)


async def typed(client: httpx.AsyncClient, login: str, password: str = PASSWORD) -> httpx.Response:
    return await client.post("/console/login", data={"login": login, "password": password})


async def is_in(client: httpx.AsyncClient) -> bool:
    return (await client.get("/console/account")).status_code == 200


def code_of(secret: str, clock: StandingClock) -> str:
    return pyotp.TOTP(secret.replace(" ", "")).at(clock.now())


async def with_phone(stand: Stand, client: httpx.AsyncClient) -> tuple[str, list[str]]:
    """Switch the second factor on; return the secret and the recovery codes."""
    page = await client.post("/console/account/second-factor", data={"act": "begin", "old": PASSWORD})
    secret = re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)[1]  # type: ignore[index]
    assert "<svg" in page.text
    done = await client.post(
        "/console/account/second-factor", data={"act": "confirm", "code": code_of(secret, stand.clock)}
    )
    codes = re.findall(r"<li>([A-Z0-9-]{19})</li>", done.text)
    assert len(codes) == 10
    return secret, codes


async def test_a_password_opens_a_session_that_logging_out_ends(stand: Stand) -> None:
    async with stand.browser() as client:
        assert not await is_in(client)
        assert (await typed(client, "li", "wrong")).status_code == 403
        assert not await is_in(client)
        assert (await typed(client, "li")).headers["location"] == "/console/"
        assert await is_in(client)
        stolen = client.cookies["zhanggui_agent"]
        await client.post("/console/logout")
        client.cookies.set("zhanggui_agent", stolen, path="/console")
        assert not await is_in(client)
    assert await stand.database.read(told) == [
        ("nobody", "login_failed", "agent:li"),
        ("agent:li", "login", "agent:li"),
        ("agent:li", "logout", "agent:li"),
    ]


async def test_who_went_off_yesterday_is_on_after_logging_in_and_opening_the_page(stand: Stand) -> None:
    now = stand.clock.now()
    status = select(t.agents.c.status).where(t.agents.c.id == "li")
    await stand.database.write(lambda c: presence.set_status(c, "li", "off", now))
    await stand.database.write(lambda c: presence.beat(c, "li", now, opens=True))
    assert await stand.database.read(lambda c: c.execute(status).scalar()) == "off", "a page alone does not end it"
    async with stand.browser() as client:
        await stand.log_in(client, "li")
    await stand.database.write(lambda c: presence.beat(c, "li", now, opens=True))
    assert await stand.database.read(lambda c: c.execute(status).scalar()) == "on"


async def test_what_was_typed_at_an_unknown_login_is_not_kept(stand: Stand) -> None:
    async with stand.browser() as client:
        assert (await typed(client, "my secret password")).status_code == 403
        assert (await typed(client, "\0")).status_code == 403

    def kept(c: Any) -> str:
        return str([c.execute(table.select()).all() for table in (t.audit, t.login_tries)])

    assert "my secret" not in await stand.database.read(kept)


async def test_each_login_gets_a_new_id_and_its_cookie_is_out_of_reach(stand: Stand) -> None:
    async with stand.browser() as client:
        first = (await typed(client, "li")).headers["set-cookie"]
        assert "HttpOnly" in first
        assert "SameSite=lax" in first
        planted = client.cookies["zhanggui_agent"]
        await typed(client, "li")
        assert client.cookies["zhanggui_agent"] != planted


async def test_with_https_the_cookie_belongs_to_this_host_alone(
    database: Database, clock: StandingClock, new_id: IdMaker
) -> None:
    await database.write(lambda c: staff(c, clock))
    stand = make_stand(database, clock, new_id, base="https://shop.test")
    async with stand.browser() as client:
        answer = await typed(client, "li")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-zhanggui_agent=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert answer.headers["strict-transport-security"].startswith("max-age=")
        assert await is_in(client)
        token = client.cookies["__Host-zhanggui_agent"]
    async with stand.browser() as other:  # a cookie that another host of the domain could have set
        other.cookies.set("zhanggui_agent", token)
        assert not await is_in(other)


async def test_a_session_ends_after_three_idle_hours_and_after_twelve(stand: Stand) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        stand.clock.advance(timedelta(hours=3))
        assert not await is_in(client)


async def test_a_page_that_is_only_open_keeps_no_session(stand: Stand) -> None:
    async with stand.browser() as client:
        await stand.log_in(client, "zhao")
        for _ in range(6):
            stand.clock.advance(timedelta(minutes=29))
            assert (await client.get("/console/board/live")).status_code == 200
        stand.clock.advance(timedelta(minutes=6))
        assert (await client.get("/console/board/live")).status_code == 303


async def test_what_the_page_of_an_agent_tells_by_itself_keeps_no_session(stand: Stand) -> None:
    token, clock = people.new_token(), stand.clock
    await stand.database.write(lambda c: people.start_session(c, "li", token, clock.now()))
    advice = SimpleNamespace(settings=SimpleNamespace(shop=None))
    wiring: Any = SimpleNamespace(database=stand.database, clock=clock, safety=Safety(), advice=advice, shop_of=None)
    wiring.outbox_signal = wiring.changes = Signal()

    async def nothing() -> None:
        return

    actions = Actions(Session(wiring, token), wiring, {}, nothing, nothing)
    for _ in range(2):
        clock.advance(timedelta(minutes=59))
        await actions.beat(opens=False)
    await actions.set_status("away")
    for _ in range(3):
        clock.advance(timedelta(minutes=59))
        await actions.beat(opens=False)
    clock.advance(timedelta(minutes=3))
    with pytest.raises(NotAllowed):
        await actions.beat(opens=False)


async def test_guessing_gets_slower_and_a_right_password_right_after_has_to_wait_too(stand: Stand) -> None:
    async with stand.browser() as client:
        assert [(await typed(client, "li", f"guess {n}")).status_code for n in range(4)] == [403, 403, 403, 429]
        waits = await typed(client, "LI ", PASSWORD)
        assert waits.status_code == 429
        assert "Wait 2 seconds" in waits.text
        assert (await typed(client, "wang")).status_code == 303, "another account is not held up"
        stand.clock.advance(timedelta(seconds=2))
        assert (await typed(client, "li")).status_code == 303


async def test_another_process_knows_of_the_guesses(stand: Stand, new_id: IdMaker) -> None:
    other = make_stand(stand.database, stand.clock, new_id)
    async with stand.browser() as client:
        for n in range(3):
            await typed(client, "li", f"guess {n}")
    async with other.browser() as client:
        assert (await typed(client, "li")).status_code == 429


async def test_guessing_from_many_addresses_holds_up_only_addresses_that_the_agent_never_used(stand: Stand) -> None:
    async with stand.browser("10.1.1.1") as home:
        assert (await typed(home, "li")).status_code == 303
    for n in range(10):
        async with stand.browser(f"10.9.9.{n}") as guesser:
            assert (await typed(guesser, "li", f"guess {n}")).status_code == 403
    async with stand.browser("10.9.9.99") as guesser:
        assert (await typed(guesser, "li", "guess")).status_code == 429
    async with stand.browser("10.1.1.1") as home:
        assert (await typed(home, "li")).status_code == 303


async def test_one_address_that_tries_many_accounts_is_held_up(stand: Stand) -> None:
    async with stand.browser() as client:
        tries = [(await typed(client, f"name{n}", "password 1")).status_code for n in range(11)]
    assert tries == [403] * 10 + [429]


# --- the second factor -----------------------------------------------------------------------------------------------
async def test_after_the_password_comes_the_phone_and_no_code_works_twice(stand: Stand) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        secret, _ = await with_phone(stand, client)
        await client.post("/console/logout")
        again = await typed(client, "li")
        assert again.headers["location"] == "/console/login/code"
        assert not await is_in(client), "halfway is not in"
        used = await client.post("/console/login/code", data={"code": code_of(secret, stand.clock)})
        assert used.status_code == 403, "the code that switched it on was used"
        stand.clock.advance(timedelta(seconds=30))
        code = code_of(secret, stand.clock)
        done = await client.post("/console/login/code", data={"code": f"{code[:3]} {code[3:]}"})
        assert done.status_code == 303
        assert await is_in(client)
    async with stand.browser("10.0.0.2") as other:
        await typed(other, "li")
        assert (await other.post("/console/login/code", data={"code": code})).status_code == 403


async def test_a_link_asks_for_the_phone_as_well(stand: Stand) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        await with_phone(stand, client)
    async with stand.browser("10.0.0.2") as other:
        await stand.log_in(other, "li")
        assert not await is_in(other)


async def test_a_recovery_code_takes_the_place_of_the_phone_once(stand: Stand) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        _, codes = await with_phone(stand, client)
        await client.post("/console/logout")
        await typed(client, "li")
        said = {"code": codes[0].lower().replace("-", " ")}
        assert (await client.post("/console/login/code", data=said)).status_code == 303
        assert "Recovery codes left: 9." in (await client.get("/console/account")).text
        await client.post("/console/logout")
        await typed(client, "li")
        assert (await client.post("/console/login/code", data=said)).status_code == 403
    stored = await stand.database.read(lambda c: str(c.execute(t.recovery_codes.select()).all()))
    assert not any(code in stored or code.replace("-", "") in stored for code in codes)


async def test_codes_cannot_be_guessed_quickly_and_halfway_ends_after_five_minutes(stand: Stand) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        secret, _ = await with_phone(stand, client)
        await client.post("/console/logout")
        await typed(client, "li")
        tries = [(await client.post("/console/login/code", data={"code": "000000"})).status_code for _ in range(4)]
        assert tries[-1] == 429
        stand.clock.advance(timedelta(minutes=5))
        late = await client.post("/console/login/code", data={"code": code_of(secret, stand.clock)})
        assert late.status_code == 403
        assert not await is_in(client)


async def test_a_wrong_code_leaves_the_picture_that_the_phone_has_read_already(stand: Stand) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        place = "/console/account/second-factor"
        begun = await client.post(place, data={"act": "begin", "old": PASSWORD})
        shown = re.search(r'name="secret" value="(\w+)"', begun.text)[1]  # type: ignore[index]
        wrong = await client.post(place, data={"act": "confirm", "code": "000000", "secret": shown})
        secrets = [re.search(r"<code>([A-Z2-7 ]+)</code>", page.text)[1] for page in (begun, wrong)]  # type: ignore[index]
        assert secrets[0] == secrets[1]
        assert 'role="alert"' in wrong.text
        code = code_of(secrets[0], stand.clock)
        done = await client.post(place, data={"act": "confirm", "code": code, "secret": shown})
        assert len(re.findall(r"<li>([A-Z0-9-]{19})</li>", done.text)) == 10


async def test_what_weakens_the_second_factor_asks_for_a_code(stand: Stand) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        _, codes = await with_phone(stand, client)
        place = "/console/account/second-factor"
        assert (await client.post(place, data={"act": "off", "code": "123456"})).text.count("The code is wrong") == 1
        assert "The second factor is off." not in (await client.post(place, data={"act": "begin"})).text
        renewed = await client.post(place, data={"act": "codes", "code": codes[0]})
        fresh = re.findall(r"<li>([A-Z0-9-]{19})</li>", renewed.text)
        assert len(fresh) == 10
        assert not set(fresh) & set(codes)
        stand.clock.advance(timedelta(minutes=1))
        assert "is off" not in (await client.post(place, data={"act": "off", "code": codes[1]})).text
        stand.clock.advance(timedelta(minutes=1))
        assert "The second factor is off." in (await client.post(place, data={"act": "off", "code": fresh[0]})).text


async def test_the_secret_of_the_phone_is_encrypted_and_another_secret_of_the_shop_opens_nothing(
    stand: Stand, new_id: IdMaker
) -> None:
    async with stand.browser() as client:
        await typed(client, "li")
        secret, codes = await with_phone(stand, client)
    stored = await stand.database.read(lambda c: str(c.execute(t.agents.select()).all()))
    assert secret.replace(" ", "") not in stored
    other = make_stand(stand.database, stand.clock, new_id, secret="another")
    async with other.browser("10.0.0.3") as client:
        await typed(client, "li")
        assert (await client.post("/console/login/code", data={"code": codes[0]})).status_code == 403


@pytest.mark.parametrize(("rule", "held"), [("optional", set()), ("leads", {"zhao"}), ("all", {"zhao", "li"})])
async def test_a_role_that_needs_a_second_factor_can_do_nothing_but_set_it_up(
    database: Database, clock: StandingClock, new_id: IdMaker, rule: str, held: set[str]
) -> None:
    await database.write(lambda c: staff(c, clock))
    stand = make_stand(database, clock, new_id, second_factor=rule)
    for login in ("li", "zhao"):
        async with stand.browser() as client:
            await stand.log_in(client, login)
            missing = await client.get("/console/media/none")
            assert missing.status_code == (403 if login in held else 404)
            account = await client.get("/console/account")
            assert ("Your role needs a second factor" in account.text) == (login in held)
            if login in held:
                assert (await client.get("/console/login")).headers["location"] == "/console/account"
                await with_phone(stand, client)
                assert (await client.get("/console/media/none")).status_code == 404


# --- the account -----------------------------------------------------------------------------------------------------
async def test_a_new_password_wants_the_old_one_and_ends_every_other_session(stand: Stand) -> None:
    place = "/console/account/password"
    async with stand.browser() as client, stand.browser("10.0.0.2") as other:
        await typed(client, "li")
        await typed(other, "li")
        assert "The password is wrong." in (await client.post(place, data={"old": "no", "new": "a new long one"})).text
        assert "A password needs at least 12" in (await client.post(place, data={"old": PASSWORD, "new": "short"})).text
        assert await is_in(other)
        done = await client.post(place, data={"old": PASSWORD, "new": "a new long one"})
        assert "The password is changed." in done.text
        assert await is_in(client)
        assert not await is_in(other)
        assert (await typed(other, "li", "a new long one")).status_code == 303


async def test_an_open_session_alone_sets_up_no_second_factor(stand: Stand) -> None:
    place = "/console/account/second-factor"
    async with stand.browser() as client:
        await typed(client, "li")
        for guess in ({}, {"old": ""}, {"old": "no"}, {"code": "123456"}):
            tried = await client.post(place, data={"act": "begin", **guess})
            assert "The password is wrong." in tried.text
            assert "<svg" not in tried.text
            stand.clock.advance(timedelta(minutes=1))


async def test_who_only_has_the_session_is_not_shown_what_the_agent_began(stand: Stand) -> None:
    place = "/console/account/second-factor"
    async with stand.browser() as client:
        await typed(client, "li")
        begun = await client.post(place, data={"act": "begin", "old": PASSWORD})
        secret = re.search(r'name="secret" value="(\w+)"', begun.text)[1]  # type: ignore[index]
        for shown in ({}, {"secret": ""}, {"secret": secret[:-1] + "é"}):
            stolen = await client.post(place, data={"act": "confirm", "code": "000000", **shown})
            assert secret not in stolen.text.replace(" ", "")
            assert "<svg" not in stolen.text


async def without_password(stand: Stand, login: str) -> None:
    mine = t.agents.c.id == login
    await stand.database.write(lambda c: c.execute(t.agents.update().where(mine).values(password_hash="")))


async def test_the_first_password_wants_a_login_of_a_moment_ago(stand: Stand) -> None:
    place = "/console/account/password"
    await without_password(stand, "li")
    async with stand.browser() as client:
        await stand.log_in(client, "li")
        stand.clock.advance(timedelta(minutes=11))
        for way, data in (("password", {"new": "a new long one"}), ("second-factor", {"act": "begin"})):
            late = await client.post(f"/console/account/{way}", data=data)
            assert (late.status_code, "you have ten minutes" in late.text) == (422, True)
        await stand.log_in(client, "li")
        assert "The password is changed." in (await client.post(place, data={"new": "a new long one"})).text


async def test_the_first_password_of_who_has_a_second_factor_wants_its_code(stand: Stand) -> None:
    place = "/console/account/password"
    async with stand.browser() as client:
        await typed(client, "li")
        secret, _ = await with_phone(stand, client)
        await without_password(stand, "li")
        stand.clock.advance(timedelta(minutes=1))
        assert '<input name="code"' in (await client.get("/console/account")).text
        for data in ({}, {"code": "000000"}):
            wrong = await client.post(place, data={"new": "a new long one", **data})
            assert "The code is wrong" in wrong.text
        fresh = {"new": "a new long one", "code": code_of(secret, stand.clock)}
        assert "The password is changed." in (await client.post(place, data=fresh)).text


async def test_an_agent_sees_the_own_sessions_and_ends_one_or_all_others(stand: Stand) -> None:
    async with (
        stand.browser() as here,
        stand.browser("10.0.0.2", **{"user-agent": "Phone <b>9</b>"}) as phone,
        stand.browser("10.0.0.3") as third,
        stand.browser("10.0.0.4") as wang,
    ):
        for client, login in ((here, "li"), (phone, "li"), (third, "li"), (wang, "wang")):
            await typed(client, login)
        page = (await here.get("/console/account")).text
        assert "Phone &lt;b&gt;9&lt;/b&gt;" in page
        assert page.count('name="key" value="') == 3, "two others, and all others"
        assert "10.0.0.4" not in page
        key = re.search(r"10\.0\.0\.2.*?name=\"key\" value=\"(\w+)\"", page, re.DOTALL)[1]  # type: ignore[index]
        assert "no longer there" in (await wang.post("/console/account/sessions", data={"key": key})).text
        await here.post("/console/account/sessions", data={"key": key})
        assert [await is_in(client) for client in (here, phone, third, wang)] == [True, False, True, True]
        await here.post("/console/account/sessions", data={"key": "others"})
        assert [await is_in(client) for client in (here, phone, third, wang)] == [True, False, False, True]


def test_a_browser_is_named_in_few_words() -> None:
    windows = (
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36"
    )
    assert browser_name(windows) == "Chrome, Windows"
    assert browser_name("curl/8.5.0") == "curl/8.5.0"
    assert browser_name("") == "?"


async def test_a_link_works_once(stand: Stand) -> None:
    await stand.database.write(lambda c: people.create_link(c, "li", "once", stand.clock.now()))
    async with stand.browser() as client:
        assert (await client.get("/console/login?token=once")).status_code == 303
        assert (await client.get("/console/login?token=once")).status_code == 403
