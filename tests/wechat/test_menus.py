"""Menus and QR codes."""

from __future__ import annotations

import pytest

from bot.errors import SettingsError
from bot.messages import Event
from connectors.wechat.menus import MenuButton
from tests.wechat.stage import Stage

TREE = (
    MenuButton("查订单", key="orders"),
    MenuButton("服务", children=(MenuButton("退换货", key="returns"), MenuButton("官网", url="https://shop.example/"))),
)


async def test_a_published_menu_is_shown_and_its_keys_come_as_choices(stage: Stage) -> None:
    assert await stage.connector.menu() == ()
    await stage.connector.publish_menu(TREE)
    assert await stage.connector.menu() == TREE
    await stage.does("click", key="returns")
    assert [message.choice for message in stage.host.received] == ["returns"]
    await stage.connector.delete_menu()
    assert await stage.connector.menu() == ()


async def test_a_menu_key_of_64_bytes_is_published_and_comes_as_a_choice(stage: Stage) -> None:
    await stage.connector.publish_menu((MenuButton("长", key="长" * 21 + "a"),))
    await stage.does("click", key="长" * 21 + "a")
    assert [message.choice for message in stage.host.received] == ["长" * 21 + "a"]


@pytest.mark.parametrize(
    "tree",
    [
        (),
        (MenuButton("a", key="a"),) * 4,
        (MenuButton("a", children=(MenuButton("b", key="b"),) * 6),),
        (MenuButton("nothing"),),
        (MenuButton("both", key="a", url="https://shop.example/"),),
        (MenuButton("long", key="长" * 21 + "ab"),),
        (MenuButton("a", children=(MenuButton("b", children=(MenuButton("c", key="c"),)),)),),
    ],
)
async def test_a_menu_that_the_platform_would_not_show_is_refused_here(
    stage: Stage, tree: tuple[MenuButton, ...]
) -> None:
    with pytest.raises(SettingsError):
        await stage.connector.publish_menu(tree)


async def test_who_scans_a_code_comes_with_its_payload(stage: Stage) -> None:
    assert "://" in await stage.connector.link("k7Qm")
    assert (await stage.does("scan", scene="k7Qm"))["delivered"]
    assert [(m.event, m.payload) for m in stage.host.received] == [(Event.STARTED, "k7Qm")]


@pytest.mark.parametrize("payload", ["", "x" * 65])
async def test_a_payload_has_1_to_64_characters(stage: Stage, payload: str) -> None:
    with pytest.raises(ValueError, match="1 to 64"):
        await stage.connector.link(payload)
