"""Adapters that are not part of this project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.clock import Clock
from bot.plugins import Named, made
from bot.shop.platform import Platform

_METHODS = ("changes", "order", "hook", "do", "close")


def make_plugin(path: str, clock: Clock, currency: str, options: Mapping[str, Any]) -> Platform:
    """Return an adapter of a package that the shop installed.

    Args:
        path: where its class is, e.g. `parcelmart.platform:ParcelMart`.
        currency: what the shop sells in, ISO 4217.
        options: passed to the class by keyword, secrets among them.

    Raises:
        SettingsError: there is no such class, it is no adapter, or it does not take these options.
    """
    named = Named(path, "[shop.other]", "adapter", "adapter", _METHODS)
    platform: Platform = made(named, options, clock=clock, currency=currency)
    return platform
