"""Advice on sizes, measured against what a good shop assistant says: see `tests.skills.sizecases`."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.skills.sizecases import ASK, CASES, FRESH, UNSEEN, Advisor, Case, advisor, cases
from tests.skills.talk import Shop

FLOORS = {CASES: 0.985, FRESH: 0.93, UNSEEN: 0.9}
"""`docs/how-to/size-advice.md` tells the figures."""
MOST_WRONG = {CASES: 0.02, FRESH: 0.02, UNSEEN: 0.04}
"""Part of the questions to which a size was said that is not the right one: asking back is no harm, this is."""


@pytest.fixture
def bot(shop: Shop) -> Iterator[Advisor]:
    with advisor(shop) as opened:
        yield opened


def is_right(case: Case, advice: str, goods: str) -> bool:
    return advice == case.expected and (case.expected == ASK or goods == case.goods)


@pytest.mark.parametrize("path", [CASES, FRESH, UNSEEN], ids=["tuned", "fresh", "unseen"])
def test_the_advice_is_that_of_a_good_assistant(bot: Advisor, path: Path) -> None:
    asked, right, wrong = Counter[str](), Counter[str](), 0
    for case in cases(path):
        advice, goods = bot.answer(case)
        asked[case.language] += 1
        right[case.language] += is_right(case, advice, goods)
        wrong += advice not in (case.expected, ASK)
        if not is_right(case, advice, goods):
            print(f"{case.goods}: {' | '.join(case.messages)} → {advice}, not {case.expected} ({case.why})")
    for language, count in asked.items():
        print(f"{path.stem} {language}: {right[language]} of {count}, {right[language] / count:.1%}")
    assert right.total() / asked.total() >= FLOORS[path]
    assert wrong / asked.total() <= MOST_WRONG[path]


def test_the_cases_are_of_all_charts_and_kinds() -> None:
    every = [*cases(CASES), *cases(FRESH), *cases(UNSEEN)]
    assert len(every) >= 300
    assert len({(case.language, case.messages) for case in every}) == len(every)
    for language in ("zh", "en"):
        mine = [case for case in every if case.language == language]
        assert {"tops", "trousers", "dresses", "shoes", "children"} <= {case.goods for case in mine}
        assert min(sum(case.expected == kind for case in mine) for kind in ("ask", "none")) >= 10
        assert sum("/" in case.expected for case in mine) >= 10
