"""A shop to talk to, trained and seeded once a session, copied for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.demo.shop import demo_settings
from tests.skills.group_stand import Group, GroupTalk
from tests.skills.talk import Shop, Talk, open_shop
from tests.skills.telegram import Telegram


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return open_shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def telegram() -> Iterator[Telegram]:
    with Telegram().serving() as served:
        yield served


@pytest.fixture
def talk(shop: Shop, tmp_path: Path) -> Iterator[Talk]:
    opened = Talk(shop, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def group(shop: Shop, telegram: Telegram, tmp_path: Path) -> Iterator[Group]:
    opened = GroupTalk(shop, tmp_path, demo_settings(), telegram, "zh")
    for customer in ("lin", "chen"):
        opened.as_customer(customer, "zh")
    yield Group(opened)
    opened.expects_no_refusal()
    opened.close()
