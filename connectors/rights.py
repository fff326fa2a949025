"""What each platform allows, by date: read from the `rights.toml` beside each connector."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bot.messages import Grant, Purpose, Rate


@dataclass(frozen=True, slots=True)
class Rights:
    """The rules of one platform that hold from `since` on.

    Attributes:
        source: where the platform says so.
        grants: what an action of the customer opens, by action.
        rates: by `overall`, `per_chat`, `per_group`.
        purposes: what a road may carry; a road that is not named may carry everything.
        limits: other numbers, by name with unit (`text_bytes`).
    """

    since: date
    source: str
    grants: Mapping[str, Grant]
    rates: Mapping[str, Rate]
    purposes: Mapping[str, frozenset[Purpose]]
    limits: Mapping[str, int]

    def may_carry(self, road: str, purpose: Purpose) -> bool:
        return road not in self.purposes or purpose in self.purposes[road]


def rights_on(day: date, file: Path) -> Rights:
    """Return the rules of `file` that hold on `day`: those of its newest `[[rules]]` that is not later."""
    rules = tomllib.loads(file.read_text(encoding="utf-8"))["rules"]
    return _rights(max((rule for rule in rules if rule["since"] <= day), key=lambda rule: rule["since"]))


def _rights(rule: Mapping[str, Any]) -> Rights:
    return Rights(
        since=rule["since"],
        source=rule["source"],
        grants={action: Grant(action=action, **grant) for action, grant in rule.get("grants", {}).items()},
        rates={name: Rate(**rate) for name, rate in rule.get("rates", {}).items()},
        purposes={
            road: frozenset(Purpose(purpose) for purpose in purposes)
            for road, purposes in rule.get("purposes", {}).items()
        },
        limits=rule.get("limits", {}),
    )
