"""The engine `rasa` from settings: one server a language, a token, and the labels that mean something here."""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from bot.errors import SettingsError
from bot.rasa.ranker import RasaRanker
from bot.rasa.server import Server
from bot.settings import Understanding
from bot.understanding.learning import Rows
from bot.understanding.ranker import Ranker


def connected(builtin: Ranker, settings: Understanding, rows: Mapping[str, Rows], folder: Path) -> RasaRanker:
    """Return the engine that asks the servers of `[understanding] rasa_url`; none of them is asked yet.

    Raises:
        SettingsError: the token is missing, or a message would leave this machine in the clear.
    """
    for url in settings.rasa_url.values():
        check_url(url)
    token = token_of(settings, folder)
    timeout_s = settings.rasa_timeout_ms / 1000
    servers = {language: Server(url.rstrip("/"), token, timeout_s) for language, url in settings.rasa_url.items()}
    return RasaRanker(builtin, servers, {language: frozenset(labels) for language, (_, labels) in rows.items()})


def check_url(url: str) -> None:
    """Refuse a way on which others could read along.

    Raises:
        SettingsError: `url` is neither https nor on this machine.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        raise SettingsError(f"shop.toml: understanding.rasa_url: {url} is no address. Write https://HOST") from None
    if host and (parts.scheme == "https" or (parts.scheme == "http" and is_here(host))):
        return
    what = "would send customers' messages and the token in the clear" if parts.scheme == "http" else "is no address"
    fix = "Write https://HOST, or http://127.0.0.1:PORT where Rasa or an encrypted tunnel to it is on this machine"
    raise SettingsError(f"shop.toml: understanding.rasa_url: {url} {what}. {fix}")


def is_here(host: str) -> bool:
    """Whether the host of an address is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def token_of(settings: Understanding, folder: Path) -> str:
    """Return the token that guards the servers.

    Raises:
        SettingsError: it is missing.
    """
    file = settings.rasa_token.file
    if settings.rasa_token.env is None and file is not None and not (folder / file).exists():
        raise SettingsError(f"{folder / file} is missing, the token of Rasa. `zhanggui rasa train` writes one")
    return settings.rasa_token.read(folder, "understanding.rasa_token")
