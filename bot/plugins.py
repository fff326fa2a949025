"""Classes of packages that the shop installed, found by the import path that shop.toml names."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Named:
    """A class that shop.toml names.

    Attributes:
        path: e.g. `parcelchat.connector:ParcelChat`.
        where: the section that names it, and `key` in it.
        kind: what it has to be, in words: `connector`.
        methods: that it has to have.
    """

    path: str
    where: str
    key: str
    kind: str
    methods: Sequence[str]


def made(named: Named, options: Mapping[str, Any], *given: Any, **more: Any) -> Any:
    """Return an object of the class that is named, made with `given`, `more` and the shop's `options`, by keyword.

    Raises:
        SettingsError: there is no such class, it is not of its kind, or it does not take these options.
    """
    found = _class_at(named)
    try:
        return found(*given, **more, **options)
    except TypeError as error:
        names = ", ".join(sorted(options)) or "none"
        why = f"{named.where}: {named.path} was given the options {names}: {error}. Correct shop.toml"
        raise SettingsError(why) from error


def _class_at(named: Named) -> type:
    where = named.where
    module, _, name = named.path.partition(":")
    if not module or not name:
        raise SettingsError(f"{where}: `{named.key}` = {named.path!r} must be package.module:Class")
    try:
        found = getattr(importlib.import_module(module), name, None)
    except Exception as error:  # whatever the module raises while it loads, the shop has to read where
        why = f"{type(error).__name__}: {error}"
        raise SettingsError(
            f"{where}: {module} cannot be loaded: {why}. Install its package beside Zhanggui"
        ) from error
    if not isinstance(found, type):
        raise SettingsError(f"{where}: there is no class {name} in {module}")
    if missing := [method for method in named.methods if not callable(getattr(found, method, None))]:
        raise SettingsError(f"{where}: {named.path} is no {named.kind}: it has no {', '.join(missing)}")
    return found
