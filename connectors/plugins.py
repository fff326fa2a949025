"""Connectors that are not part of this project: found by the import path that shop.toml names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from bot.clock import Clock
from bot.connector import Connector
from bot.errors import SettingsError

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
    made: Any = _class_at(path, channel)
    try:
        connector: Connector = made(channel, clock=clock, **options)
    except TypeError as error:
        names = ", ".join(sorted(options)) or "none"
        raise SettingsError(f"{channel}: {path} was given the options {names}: {error}. Correct shop.toml") from error
    return connector


def _class_at(path: str, channel: str) -> type:
    module, _, name = path.partition(":")
    if not module or not name:
        raise SettingsError(f"{channel}: `connector` = {path!r} must be package.module:Class")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # whatever the module raises while it loads, the shop has to read where
        why = f"{type(error).__name__}: {error}"
        raise SettingsError(
            f"{channel}: {module} cannot be loaded: {why}. Install its package beside Zhanggui"
        ) from error
    if not isinstance(found, type):
        raise SettingsError(f"{channel}: there is no class {name} in {module}")
    if missing := [method for method in _METHODS if not callable(getattr(found, method, None))]:
        raise SettingsError(f"{channel}: {path} is no connector: it has no {', '.join(missing)}")
    return found
