"""No bytes make a decoder fail in a way that is not written down."""

from __future__ import annotations

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.decoders import DECODERS

ODD: list[Any] = [None, True, 0, -1, 2**70, 1e300, "", "\0", "a\ud800", "x" * 5000, [], [1], [[]], {}, {"a": [1]}]
JSON = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def spliced(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A good input, with some of its bytes taken away, doubled or replaced."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 30)))
        put = draw(
            st.sampled_from([b"", data[start:end] * 2]) | st.binary(max_size=8) | st.text(max_size=4).map(_bytes)
        )
        data = data[:start] + put + data[end:]
    return data


@st.composite
def twisted(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A good JSON input, with some of its values replaced by any other."""
    value: Any = json.loads(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 2))):
        inside = value
        while True:
            keys = list(inside) if isinstance(inside, dict) else list(range(len(inside)))
            if not keys:
                break
            key = draw(st.sampled_from(keys))
            if isinstance(inside[key], (dict, list)) and inside[key] and draw(st.booleans()):
                inside = inside[key]
                continue
            inside[key] = deepcopy(draw(JSON))
            break
    return json.dumps(value).encode()


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container in `value` with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from places(value[key])


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "replace")


def _is_json(data: bytes) -> bool:
    try:
        return isinstance(json.loads(data), dict)
    except ValueError:
        return False


@pytest.mark.parametrize("name", DECODERS)
def test_good_input_is_taken(name: str) -> None:
    for seed in DECODERS[name].seeds:
        DECODERS[name].decode(seed)


@pytest.mark.parametrize("name", [name for name in DECODERS if all(map(_is_json, DECODERS[name].seeds))])
def test_no_odd_value_in_any_place_is_a_fault_of_ours(name: str) -> None:
    for seed in DECODERS[name].seeds:
        whole = json.loads(seed)
        for inside, key in places(whole):
            good = inside[key]
            for inside[key] in ODD:
                DECODERS[name].try_on(json.dumps(whole).encode())
            inside[key] = good


@pytest.mark.parametrize("name", DECODERS)
def test_no_input_that_ends_early_is_a_fault_of_ours(name: str) -> None:
    for seed in DECODERS[name].seeds:
        for end in range(0, len(seed), max(1, len(seed) // 60)):
            DECODERS[name].try_on(seed[:end])


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_bad_input_is_refused_and_never_a_fault_of_ours(name: str, data: st.DataObject) -> None:
    seeds = list(DECODERS[name].seeds)
    inputs = spliced(seeds) | st.binary(max_size=60)
    if all(map(_is_json, seeds)):
        inputs = twisted(seeds) | inputs
    DECODERS[name].try_on(data.draw(inputs))
