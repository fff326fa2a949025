"""A saved file goes live, is kept, shows what it changes, and can be taken back."""

from __future__ import annotations

import asyncio
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from bot.app import build
from bot.ask import ask
from bot.brain import Brain, KnowledgeFaults, Mind, read_mind
from bot.clock import IdMaker
from bot.errors import FileFault, NotFound
from bot.knowledge import history as history_module
from bot.knowledge.history import History
from bot.publishing.heldout import examine, questions
from bot.publishing.publisher import Publisher, history_of, open_brain
from bot.publishing.replay import replay
from bot.publishing.rollback import roll_back
from bot.skills.turn import State
from bot.understanding.learning import CannotLearn
from bot.understanding.ranker import Builtin, Ranking
from tests.conftest import StandingClock
from tests.smallshop import FEE, FEE_ZH, SmallShop, small_shop

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> SmallShop:
    """A shop that was learnt once; copies of it need no training."""
    shop = small_shop(tmp_path_factory.mktemp("trained") / "shop")
    read_mind(shop.folder, shop.settings)
    return shop


@pytest.fixture
def shop(trained: SmallShop, tmp_path: Path) -> SmallShop:
    return SmallShop(shutil.copytree(trained.folder, tmp_path / "shop"), trained.settings)


@pytest.fixture
def history(shop: SmallShop) -> History:
    return history_of(shop.folder)


@pytest.fixture
def publisher(shop: SmallShop, clock: StandingClock) -> Publisher:
    made = Publisher(open_brain(shop.folder, shop.settings), clock)
    made.keep("the shop started")
    return made


def said(brain: Brain, text: str) -> str:
    return ask(brain, brain.settings, text, None, State(), NOW)[0].answer


def back(shop: SmallShop, to: int | None = None) -> int:
    return roll_back(shop.folder, shop.settings, to, NOW).edition.number


# --- live ------------------------------------------------------------------------------------------------------------
def test_a_saved_answer_is_live_kept_and_named_in_the_history(
    shop: SmallShop, publisher: Publisher, history: History
) -> None:
    shop.edit(FEE, "Free from", "Costs nothing from")
    before = publisher.publish("files saved")
    assert before is not None
    assert said(publisher.brain, "is shipping free").startswith("Costs nothing")
    one, two = history.editions()
    assert (one.number, one.by, one.changed) == (1, "the shop started", ())
    assert (two.number, two.by, two.changed, two.published) == (2, "files saved", (f"~{FEE}",), True)


def test_a_save_that_changes_nothing_is_no_edition(publisher: Publisher, shop: SmallShop, history: History) -> None:
    shop.write(FEE, shop.text(FEE))
    assert publisher.publish("files saved") is None
    assert len(history.editions()) == 1


def test_a_bad_save_is_not_kept_and_the_last_good_set_answers(
    publisher: Publisher, shop: SmallShop, history: History
) -> None:
    shop.edit(FEE, "ask:", "aks:")
    assert publisher.publish("files saved") is None
    assert said(publisher.brain, "is shipping free").startswith("Free from")
    assert len(history.editions()) == 1
    assert publisher.brain.faults


def test_a_shop_that_starts_with_bad_files_answers_from_the_last_good_set(
    publisher: Publisher, shop: SmallShop
) -> None:
    shop.edit(FEE, "ask:", "aks:")
    brain = open_brain(shop.folder, shop.settings)
    assert said(brain, "is shipping free").startswith("Free from")
    assert [fault.file for fault in brain.faults][:1] == [FEE]
    shop.edit(FEE, "aks:", "ask:")
    assert Publisher(brain, StandingClock(NOW)).publish("files saved") is not None
    assert brain.faults == []


def test_a_shop_without_a_good_set_does_not_start(shop: SmallShop) -> None:
    shop.edit(FEE, "ask:", "aks:")
    with pytest.raises(KnowledgeFaults, match="aks"):
        open_brain(shop.folder, shop.settings)


def test_a_history_that_cannot_be_written_stops_nobody(shop: SmallShop, publisher: Publisher) -> None:
    shutil.rmtree(shop.folder / "data" / "history")
    (shop.folder / "data" / "history").write_text("no folder")
    shop.edit(FEE, "Free from", "Costs nothing from")
    assert publisher.publish("files saved") is not None
    assert said(publisher.brain, "is shipping free").startswith("Costs nothing")


async def test_a_running_shop_takes_a_save_live_while_a_chat_goes_on(
    shop: SmallShop, clock: StandingClock, new_id: IdMaker, history: History
) -> None:
    keeper = build(shop.folder, shop.settings, clock, new_id)
    answers: list[str] = []

    async def chatting() -> None:
        while not answers or answers[-1].startswith("Free from"):
            answers.append(await asyncio.to_thread(said, keeper.brain, "is shipping free"))
            await asyncio.sleep(0.01)

    async with keeper.running(), asyncio.timeout(60):
        chat = asyncio.create_task(chatting())
        while not history.editions():  # the watch is on
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        shop.edit(FEE, "Free from", "Costs nothing from")
        await chat
        while len(history.editions()) < 2:
            await asyncio.sleep(0.05)
    assert answers[0].startswith("Free from")
    assert answers[-1].startswith("Costs nothing from")
    assert {answer.partition(" ")[0] for answer in answers} == {"Free", "Costs"}  # none was lost or half
    assert [edition.by for edition in history.editions()] == ["the shop started", "files saved"]


async def test_a_save_that_cannot_be_taken_is_told_and_the_next_one_goes_live(
    shop: SmallShop, clock: StandingClock, new_id: IdMaker, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = build(shop.folder, shop.settings, clock, new_id)
    publish = Publisher.publish
    saves: list[str] = []

    def fails_once(self: Publisher, by: str) -> Mind | None:
        saves.append(by)
        if len(saves) == 1:
            raise OSError("the disk is full")
        return publish(self, by)

    monkeypatch.setattr(Publisher, "publish", fails_once)
    with structlog.testing.capture_logs() as logs:
        async with keeper.running(), asyncio.timeout(60):
            while not history.editions():  # the watch is on
                await asyncio.sleep(0.05)
            await asyncio.sleep(0.5)
            shop.edit(FEE, "Free from", "Nothing to pay from")
            while not saves:
                await asyncio.sleep(0.05)
            shop.edit(FEE, "Nothing to pay from", "Costs nothing from")
            while len(history.editions()) < 2:
                await asyncio.sleep(0.05)
    assert said(keeper.brain, "is shipping free").startswith("Costs nothing from")
    assert [line["log_level"] for line in logs if line["event"] == "knowledge_not_published"] == ["error"]


def test_training_that_fails_is_no_fault_of_the_files_and_the_next_try_goes_live(
    shop: SmallShop, publisher: Publisher, history: History, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))  # the user's holds what an earlier run learnt
    shop.edit(FEE, "  - is shipping free", "  - is shipping free\n  - do i pay postage")
    with monkeypatch.context() as broken:
        broken.setattr(sys, "executable", "/bin/false")
        with pytest.raises(CannotLearn, match="ended with status 1"):
            publisher.publish("files saved")
        with pytest.raises(CannotLearn, match="ended with status 1"):
            open_brain(shop.folder, shop.settings)
    assert publisher.brain.faults == []
    assert said(publisher.brain, "is shipping free").startswith("Free from")
    assert publisher.publish("files saved") is not None
    assert len(history.editions()) == 2


# --- what it changes -------------------------------------------------------------------------------------------------
def test_the_difference_names_each_question_that_is_answered_otherwise(shop: SmallShop, publisher: Publisher) -> None:
    before = publisher.brain.mind
    shop.edit(FEE, "Free from", "Costs nothing from")
    publisher.publish("files saved")
    asked = ["is shipping free", "how do i wash wool", "is shipping free"]
    (change,) = replay(before, publisher.brain.mind, asked, shop.settings, NOW)
    assert change.question == "is shipping free"
    assert (change.before.what, change.after.what) == ("answer shipping-fee", "answer shipping-fee")
    assert change.before.text.startswith("Free from")
    assert change.after.text.startswith("Costs nothing")


def test_two_sets_with_the_same_phrasings_are_asked_with_one_understanding(
    shop: SmallShop, publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, ranked, rank = publisher.brain.mind, list[str](), Builtin.rank

    def counting(self: Builtin, text: str, language: str) -> Ranking:
        ranked.append(text)
        return rank(self, text, language)

    monkeypatch.setattr(Builtin, "rank", counting)
    asked = ["is shipping free", "how do i wash wool"]
    shop.edit(FEE, "Free from", "Costs nothing from")
    publisher.publish("files saved")
    assert len(replay(before, publisher.brain.mind, asked, shop.settings, NOW)) == 1
    assert sorted(ranked) == sorted(asked)
    shop.edit(FEE, "  - is shipping free\n", "")
    shop.edit("knowledge/en/care/care-wool.md", "wash a jumper", "wash a jumper, is shipping free")
    publisher.publish("files saved")
    (change,) = replay(before, publisher.brain.mind, asked[:1], shop.settings, NOW)  # each with its own
    assert (change.before.what, change.after.what) == ("answer shipping-fee", "answer care-wool")


def test_the_logs_hold_how_many_answers_changed_and_no_text(shop: SmallShop, publisher: Publisher) -> None:
    before = publisher.brain.mind
    shop.edit(FEE, "Free from", "Costs nothing from")
    publisher.publish("files saved")
    with structlog.testing.capture_logs() as logs:
        publisher.replay(before, ["is shipping free", "how do i wash wool"])
    (line,) = logs
    assert (line["event"], line["questions"], line["changed"]) == ("knowledge_replayed", 2, 1)
    assert "shipping" not in str(line)


# --- back ------------------------------------------------------------------------------------------------------------
def test_a_rollback_brings_back_the_very_files_and_can_be_undone(
    shop: SmallShop, publisher: Publisher, history: History
) -> None:
    first = shop.contents()
    shop.edit(FEE, "Free from", "Costs nothing from")
    (shop.folder / FEE_ZH).unlink()
    shop.write("knowledge/en/care/care-silk.md", "---\nid: care-silk\nask: [washing silk]\n---\nBy hand.\n")
    publisher.publish("files saved")
    second = shop.contents()
    assert back(shop) == 1
    assert shop.contents() == first
    assert [e.by for e in history.editions()][-1] == "rollback to 1"
    assert back(shop) == 2
    assert shop.contents() == second


def test_a_bad_edit_is_rolled_back_and_kept_all_the_same(
    shop: SmallShop, publisher: Publisher, history: History
) -> None:
    first = shop.contents()
    shop.edit(FEE, "ask:", "aks:")
    bad = shop.contents()
    done = roll_back(shop.folder, shop.settings, None, NOW)
    assert (done.edition.number, done.before.number, done.before.published, done.faults) == (1, 2, False, ())
    assert shop.contents() == first
    assert history.contents(2) == {file: bad[file] for file in history.files(2)}


def test_a_rollback_from_bad_files_is_undone_and_the_shop_keeps_its_last_good_set(
    shop: SmallShop, publisher: Publisher, history: History
) -> None:
    shop.edit(FEE, "ask:", "aks:")
    bad = shop.contents()
    done = roll_back(shop.folder, shop.settings, None, NOW)
    undone = roll_back(shop.folder, shop.settings, done.before.number, NOW)
    assert shop.contents() == bad
    assert [fault.file for fault in undone.faults][:1] == [FEE]
    assert (history.editions()[-1].by, history.editions()[-1].published) == ("rollback to 2", False)
    assert publisher.publish("files saved") is None
    assert publisher.brain.faults
    assert said(publisher.brain, "is shipping free").startswith("Free from")
    assert back(shop, undone.before.number) == undone.before.number
    assert shop.read().faults == ()


def test_a_rollback_goes_to_the_edition_that_is_named(shop: SmallShop, publisher: Publisher) -> None:
    first = shop.contents()
    for word in ("Two", "Three"):
        shop.edit(FEE, shop.text(FEE).split("---\n")[2], f"{word} {{policy.shipping_fee}}.\n")
        publisher.publish("files saved")
    assert back(shop, 1) == 1
    assert shop.contents() == first


def test_an_edition_that_is_not_there_is_told(shop: SmallShop, publisher: Publisher) -> None:
    with pytest.raises(NotFound, match=r"there is no edition 9\. There are 1 to 1"):
        back(shop, 9)
    with pytest.raises(NotFound, match="no earlier edition"):
        back(shop)


def test_a_damaged_copy_is_told_and_changes_nothing(shop: SmallShop, publisher: Publisher, history: History) -> None:
    copy = history.place / "files" / history.files(1)[FEE]
    copy.write_text("other")
    shop.edit(FEE, "Free from", "Costs nothing from")
    before = shop.contents()
    with pytest.raises(FileFault, match="was changed"):
        back(shop, 1)
    assert shop.contents() == before


def test_what_cannot_be_read_is_never_overwritten(shop: SmallShop, publisher: Publisher) -> None:
    shop.write("knowledge/en/care/care-big.md", b"x" * 3_000_000)
    with pytest.raises(FileFault, match=r"care-big\.md cannot be read"):
        back(shop, 1)
    assert (shop.folder / "knowledge/en/care/care-big.md").stat().st_size == 3_000_000


def test_the_history_keeps_the_newest_editions_and_each_content_once(
    shop: SmallShop, publisher: Publisher, history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_module, "KEPT", 3)
    copies = len(list((history.place / "files").iterdir()))
    for number in range(5):
        shop.edit(FEE, shop.text(FEE).split("---\n")[2], f"Free, {number}.\n")
        history.keep(shop.folder, shop.read().parts, "files saved", NOW + timedelta(minutes=number))
    assert [edition.number for edition in history.editions()] == [4, 5, 6]
    assert len(list((history.place / "files").iterdir())) == copies - 1 + 3


def test_two_processes_that_keep_the_same_set_make_one_edition(shop: SmallShop, publisher: Publisher) -> None:
    shop.edit(FEE, "Free from", "Costs nothing from")
    parts = shop.read().parts
    first, second = (History(shop.folder / "data" / "history") for _ in range(2))
    assert first.keep(shop.folder, parts, "one", NOW)
    assert second.keep(shop.folder, parts, "other", NOW) is None


@pytest.mark.parametrize("left", [0, 40, -30], ids=["nothing", "half of the head", "half of the list"])
def test_an_edition_that_cannot_be_read_stops_nothing(
    shop: SmallShop, publisher: Publisher, history: History, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr(history_module, "KEPT", 3)
    path = history.place / "editions" / "000002"
    path.write_bytes((history.place / "editions" / "000001").read_bytes()[:left])
    for number in range(4):
        last = history.published()
        assert last is not None and last.number == (number + 2 if number else 1)
        shop.edit(FEE, shop.text(FEE).split("---\n")[2], f"Free, {number}.\n")
        assert history.keep(shop.folder, shop.read().parts, "files saved", NOW)
        with pytest.raises(FileFault, match=r"gone or was changed. Choose another"):
            history.files(2)
    assert [edition.number for edition in history.editions()] == [4, 5, 6]
    assert history.editions()[0].changed == (f"~{FEE}",)
    assert back(shop, 4) == 4


# --- held-out questions ----------------------------------------------------------------------------------------------
@pytest.fixture
def outcomes(shop: SmallShop) -> dict[str, str]:
    shop.write("knowledge/en/tests.tsv", "# to try\nis postage free\tcare-wool\nhow do i wash wool\tcare-wool\n")
    brain = Brain(shop.folder, shop.settings, read_mind(shop.folder, shop.settings))
    asked, faults = questions(shop.folder, brain.mind.knowledge)
    assert faults == []
    return {r.question.text: f"{r.outcome} {r.got}" for r in examine(brain, shop.settings, asked, NOW)}


def test_held_out_questions_are_asked_and_a_wrong_one_says_what_came_instead(outcomes: dict[str, str]) -> None:
    assert outcomes == {
        "what does postage cost": "right answer shipping-fee",
        "is postage free": "wrong answer shipping-fee",
        "how do i wash wool": "right answer care-wool",
    }


def test_a_held_out_question_is_never_trained_on(shop: SmallShop) -> None:
    from bot.understanding.engine import training_rows

    texts, _ = training_rows(shop.read().knowledge)["en"]
    assert "what does postage cost" not in texts


def test_a_bad_line_of_tests_is_told(shop: SmallShop) -> None:
    shop.write("knowledge/en/tests.tsv", "no tab\nhow so\tcare-wol\n")
    _, faults = questions(shop.folder, shop.read().knowledge)
    assert [str(fault).partition(". ")[0] for fault in faults] == [
        "knowledge/en/tests.tsv:1: a question, a tab and an id are expected",
        "knowledge/en/tests.tsv:2: there is no entry or intent `care-wol`",
    ]
