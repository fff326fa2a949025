"""The size for a body, as arithmetic: properties that hold for every chart and every body."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.brain import read_files
from bot.demo.shop import demo_settings
from bot.knowledge.entries import SizeChart
from bot.shop.port import FitReports
from bot.skills.bodies import USUAL, Body, from_slot
from bot.skills.fitting import HIGH, LOW, Advice, advise, runs_small
from bot.skills.votes import vote
from bot.starter import starter_folder
from bot.understanding.fit import LAYERS, LOOSE, ROOMY_FOOT, SNUG, WOMAN

CHARTS = read_files(starter_folder(), demo_settings())[0].charts
TOPS, TROUSERS, SHOES, CHILDREN = (CHARTS[name] for name in ("tops", "trousers", "shoes", "children"))
OFTEN_SMALL = FitReports(small=12, true=36, large=2)
OFTEN_LARGE = FitReports(small=2, true=36, large=12)


def names(chart: SizeChart, advice: Advice | None) -> list[str]:
    assert advice is not None
    return [chart.sizes[place].name for place in advice.places]


def sized(chart: SizeChart, body: Body, **more: Any) -> list[str]:
    return names(chart, advise(chart, body, CHARTS, **more))


@given(st.sampled_from(sorted(CHARTS)), st.data())
def test_who_is_in_the_middle_of_every_range_of_a_size_gets_that_size_for_sure(name: str, data: st.DataObject) -> None:
    chart = CHARTS[name]
    size = data.draw(st.sampled_from(chart.sizes))
    body = Body({measure: sum(span) / 2 for measure, span in size.ranges.items()})
    advice = advise(chart, body, CHARTS)
    assert names(chart, advice) == [size.name]
    assert advice is not None
    assert advice.sure == HIGH


@given(st.sampled_from(sorted(CHARTS)), st.data())
def test_a_larger_girth_never_leads_to_a_smaller_size(name: str, data: st.DataObject) -> None:
    chart = CHARTS[name]
    measure = chart.measures[0]
    low, high = chart.sizes[0].ranges[measure][0], chart.sizes[-1].ranges[measure][1]
    one, other = sorted(data.draw(st.tuples(*[st.floats(low, high)] * 2)))
    smaller, larger = (advise(chart, Body({measure: value}), CHARTS) for value in (one, other))
    assert smaller is not None
    assert larger is not None
    assert smaller.places <= larger.places


@given(
    st.sampled_from(sorted(CHARTS)),
    st.dictionaries(
        st.sampled_from(["height", "weight", "chest", "waist", "hip", "foot"]), st.floats(1, 400), max_size=6
    ),
    st.lists(st.sampled_from([LOOSE, SNUG, LAYERS, ROOMY_FOOT]), max_size=2),
    st.sampled_from([None, OFTEN_SMALL, OFTEN_LARGE]),
    st.sets(st.integers(0, 6)),
)
def test_whatever_the_measures_the_advice_is_one_size_of_the_chart_or_two_in_order(
    name: str, measures: dict[str, float], wishes: list[str], reports: FitReports | None, made: set[int]
) -> None:
    chart = CHARTS[name]
    body = Body(measures, wishes=tuple(wishes))
    advice = advise(chart, body, CHARTS, tuple(sorted(made)), reports)
    if advice is None:
        assert not any(measure in chart.measures for measure in measures)
        return
    assert not (advice.odd and advice.places)
    assert len(advice.places) <= 2
    assert list(advice.places) == sorted(set(advice.places))
    assert all(0 <= place < len(chart.sizes) for place in advice.places)
    assert from_slot(body.as_slot()) == body


def test_a_measure_on_the_edge_votes_for_both_and_one_far_outside_for_none() -> None:
    assert vote(TOPS, "chest", 88).places == (1, 2)
    assert vote(TOPS, "chest", 91).places == (2,)
    assert vote(TOPS, "chest", 93.5).places == (2, 3)  # a tape errs by that much
    assert vote(TOPS, "chest", 93).places == (2,)
    assert [vote(TOPS, "chest", value).outside for value in (70, 75, 121, 130)] == [-1, 0, 0, 1]
    assert vote(SHOES, "foot", 245.5).places == (4, 5)


def test_a_girth_counts_more_than_the_weight_and_the_largest_girth_decides() -> None:
    assert sized(TOPS, Body({"chest": 85, "height": 165, "weight": 62})) == ["S"]
    assert sized(TROUSERS, Body({"waist": 75, "hip": 104})) == ["L"]
    assert sized(TROUSERS, Body({"waist": 79, "weight": 70})) == ["L"]


def test_more_room_is_the_larger_of_two_or_the_next_and_a_close_fit_the_smaller() -> None:
    edge, inside = {"height": 165, "weight": 58}, {"height": 170, "weight": 62}
    assert sized(TOPS, Body(edge)) == ["S", "M"]
    assert sized(TOPS, Body(edge, wishes=(LOOSE,))) == ["M"]
    assert sized(TOPS, Body(edge, wishes=(SNUG,))) == ["S"]
    assert sized(TOPS, Body(inside, wishes=(LOOSE,))) == ["L"]
    assert sized(TOPS, Body(inside, wishes=(SNUG,))) == ["M"]
    assert sized(TOPS, Body(inside, wishes=(ROOMY_FOOT,))) == ["M"]  # thick socks change no top


def test_no_wish_leads_to_a_size_that_is_not_made() -> None:
    advice = advise(TOPS, Body({"height": 170, "weight": 62}, wishes=(LOOSE,)), CHARTS, made=(1, 2))
    assert names(TOPS, advice) == ["M"]
    assert advice is not None
    assert advice.reasons[0] == "why_largest"
    assert sized(TOPS, Body({"height": 165, "weight": 58}), made=(2, 3)) == ["M"]


@pytest.mark.parametrize(
    ("chart", "body", "odd"),
    [
        (TOPS, Body({"height": 190, "weight": 40}), ("height", "weight")),
        (TOPS, Body({"chest": 120, "weight": 45}), ("chest", "weight")),
        (TOPS, Body({"weight": 84}, (("usual", "S"),)), ("weight", "usual")),
        (CHILDREN, Body({"height": 150}, age="3Y"), ("height", "age")),
        (CHILDREN, Body({"height": 100, "weight": 50}), ("height", "weight")),
    ],
)
def test_what_cannot_be_true_together_leads_to_no_size(chart: SizeChart, body: Body, odd: tuple[str, str]) -> None:
    advice = advise(chart, body, CHARTS)
    assert advice is not None
    assert (advice.places, advice.odd) == ((), odd)


@pytest.mark.parametrize(
    ("chart", "label", "sizes"),
    [
        (TOPS, (USUAL, "M"), ["M"]),
        (TOPS, ("uk", "10"), ["M"]),
        (TROUSERS, ("jeans", "W30 L32"), ["M"]),
        (TROUSERS, ("jeans", "W39"), ["XXL", "3XL"]),
        (TROUSERS, ("cn", "165/88A"), ["M"]),
        (TOPS, ("cn", "170/88A"), ["M"]),
        (SHOES, (USUAL, "38.5"), ["38", "39"]),
        (SHOES, ("uk", "5.5"), ["38", "39"]),
        (SHOES, ("us", "8.5"), ["39"]),
        (SHOES, ("jp", "24.5"), ["39"]),
        (TOPS, (USUAL, "4XL"), []),
        (TOPS, ("uk", "24"), []),
        (TROUSERS, ("jeans", "W20"), []),
    ],
)
def test_sizes_worn_elsewhere_are_found_in_the_chart(
    chart: SizeChart, label: tuple[str, str], sizes: list[str]
) -> None:
    assert sized(chart, Body(labels=(label,), sex=WOMAN)) == sizes


def test_an_american_shoe_size_says_nothing_without_women_or_men() -> None:
    assert advise(SHOES, Body(labels=(("us", "8"),)), CHARTS) is None


def test_a_single_height_or_weight_is_a_rough_guess() -> None:
    for body in (Body({"height": 175}), Body({"weight": 70})):
        advice = advise(TOPS, body, CHARTS)
        assert names(TOPS, advice) == ["L"]
        assert advice is not None
        assert advice.sure == LOW


def test_a_piece_runs_small_only_if_enough_customers_found_it_so() -> None:
    assert runs_small(OFTEN_SMALL) == 1
    assert runs_small(OFTEN_LARGE) == -1
    assert runs_small(None) == 0
    assert runs_small(FitReports(small=5, true=5)) == 0  # half of them, but only ten
    assert runs_small(FitReports(small=12, true=36, large=10)) == 0  # who is right?
    assert runs_small(FitReports(small=4, true=96)) == 0


def test_a_piece_that_runs_small_is_taken_larger_by_who_nearly_fills_a_size() -> None:
    edge, lower, upper = {"chest": 88}, {"chest": 90}, {"chest": 92}
    assert sized(TOPS, Body(edge), reports=OFTEN_SMALL) == ["M"]
    assert sized(TOPS, Body(lower), reports=OFTEN_SMALL) == ["M"]
    assert sized(TOPS, Body(upper), reports=OFTEN_SMALL) == ["L"]
    assert sized(TOPS, Body(edge), reports=OFTEN_LARGE) == ["S"]
    assert sized(TOPS, Body(lower), reports=OFTEN_LARGE) == ["S"]
    assert sized(TOPS, Body(upper), reports=OFTEN_LARGE) == ["M"]
