"""One stand for each platform, built anew for each case."""

import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from bot.commands.new import CONNECTOR, make_package
from tests.conformance.platforms import STANDS
from tests.conformance.stand import Can, Ground, Stand, said


@pytest.fixture(scope="session", autouse=True)
def parcels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Write the package `parcels` as `zhanggui new connector parcels` does, and let Python find it."""
    folder = str(make_package(tmp_path_factory.mktemp("plugins"), "parcels", CONNECTOR))
    sys.path.append(folder)
    yield
    sys.path.remove(folder)


@pytest.fixture
async def ready(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    """A stand whose connector is made but not started."""
    ground = Ground()
    stand: Stand = STANDS[request.param](ground)
    await ground.serve(stand)
    try:
        yield stand
    finally:
        await stand.shop.end()
        await stand.close()
        await ground.close()


@pytest.fixture
async def stand(ready: Stand) -> Stand:
    """A stand whose connector receives and sends."""
    await ready.shop.begin()
    return ready


@pytest.fixture
async def chat(stand: Stand) -> Stand:
    """A stand on which the customer has said something where customers can: the right to answer is there."""
    if Can.SPEAK not in stand.lacks:
        await said(stand, "在吗")
    return stand
