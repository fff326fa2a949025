"""Bounds come from the rows alone, and from seeing what happens to rows the model was not shown."""

from __future__ import annotations

from bot.bench.understanding import made_up
from bot.understanding.calibration import calibrate, held_out
from bot.understanding.ranker import MARGINS


def test_the_same_rows_give_the_same_bounds_and_they_are_in_order() -> None:
    rows = made_up(15)
    bounds = calibrate(*rows)
    assert bounds == calibrate(*rows)
    assert bounds.ask <= bounds.act
    assert bounds.lead > 0


def test_hardly_anything_that_is_acted_on_is_wrong_where_entries_differ_well() -> None:
    rows = made_up(15)
    bounds = calibrate(*rows)
    acted = [
        one
        for one in held_out(*rows, seed=1)
        if one.margin >= bounds.act or (one.margin >= bounds.ask and one.lead >= bounds.lead)
    ]
    known = [one for one in acted if one.known]
    assert sum(one.right for one in known) >= 0.9 * len(known)
    assert len(known) > 20


def test_with_a_handful_of_labels_the_usual_bounds_hold() -> None:
    assert calibrate(["a b", "c d", "e f"], ["a", "b", "c"]) == MARGINS
