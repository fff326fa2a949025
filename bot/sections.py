"""What the sections of shop.toml are made of: their strictness, times of day, and where secrets are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import time
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict

from bot.errors import SettingsError


class Section(BaseModel):
    """A section of shop.toml: a typing error in a key's name is an error, not silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _clock_time(value: object) -> object:
    """Refuse `opens = 9`, which would be nine seconds past midnight."""
    if isinstance(value, (int, float)):
        raise ValueError(f"a time of day is expected; write {int(value) % 24:02}:00:00")  # noqa: TRY004
    return value


def in_languages(value: Mapping[str, str]) -> Mapping[str, str]:
    """Return `value`, texts by language; refuse a language that is none here."""
    if unknown := set(value) - {"zh", "en"}:
        raise ValueError(f"{min(unknown)!r} is not a language here; use zh and en")
    return value


ClockTime = Annotated[time, BeforeValidator(_clock_time)]
"""A time of day, `09:00:00` in TOML."""


class Secret(Section):
    """Where a secret is kept. Secrets never stand in shop.toml itself."""

    env: str | None = None
    """Name of the environment variable that holds it."""
    file: Path | None = None
    """Path of the file that holds it, relative to the shop's folder."""

    def read(self, folder: Path, key: str) -> str:
        """Return the secret.

        Raises:
            SettingsError: it is missing or empty.
        """
        if self.env is not None:
            value = os.environ.get(self.env, "").strip()
            where, fix = f"the variable {self.env}", f"export {self.env}=…"
        elif self.file is not None:
            path = folder / self.file
            try:
                value = path.read_text(encoding="utf-8-sig").strip() if path.is_file() else ""
            except (OSError, UnicodeDecodeError) as error:  # `error` may hold the file's bytes: only its kind is told
                why = getattr(error, "strerror", None) or "it is not text"
                raise SettingsError(f"shop.toml: {key}: the file {path} cannot be read: {why}") from None
            where, fix = f"the file {path}", "write the secret into it"
        else:
            raise SettingsError(f'shop.toml: {key}: say where the secret is: {{ env = "NAME" }} or {{ file = "path" }}')
        if not value:
            raise SettingsError(f"shop.toml: {key}: {where} is missing or empty: {fix}")
        return value
