"""Connectors that are not part of this project."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.clock import Clock
from bot.connector import Connector
from bot.plugins import Named, made

_METHODS = ("routes", "start", "hold", "stop", "roads", "send")


def make_plugin(path: str, channel: str, clock: Clock, options: Mapping[str, Any]) -> Connector:
    """Return a connector of a package that the shop installed.

    Args:
        path: where its class is, e.g. `parcelchat.connector:ParcelChat`.
        channel: `other:{name}`.
        options: passed to the class by keyword, secrets among them.

    Raises:
        SettingsError: there is no such class, it is no connector, or it does not take these options.
    """
    named = Named(path, channel, "connector", "connector", _METHODS)
    connector: Connector = made(named, options, channel, clock=clock)
    return connector
