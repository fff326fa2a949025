"""The one exception tree. The docstring of a class is what its reader sees when no better words are given."""

from __future__ import annotations


class ZhangguiError(Exception):
    """Something went wrong inside Zhanggui. Run the command again with ZHANGGUI_DEBUG=1 to see where."""

    code = "error"

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class SettingsError(ZhangguiError):
    """A setting is wrong. Correct the file and key named above and start again."""

    code = "settings"


class FileFault(ZhangguiError):
    """A file of the shop's folder does not pass. Run `zhanggui check` to see every fault with its line."""

    code = "file"


class DatabaseError(ZhangguiError):
    """The database cannot be used. Check the address in shop.toml, then run `zhanggui doctor`."""

    code = "database"


class PortInUse(ZhangguiError):
    """The port is taken by another program. Choose another one with --port."""

    code = "port"


class BadCallback(ZhangguiError):
    """A callback was refused: its signature, age, size or form is wrong."""

    code = "callback"


class NotAllowed(ZhangguiError):
    """This account may not do that. Ask an administrator of the console."""

    code = "rights"


class TooOften(ZhangguiError):
    """That was tried too often. Wait a minute and try again."""

    code = "pace"


class Conflict(ZhangguiError):
    """Someone else changed this first. Look at the new state and try again."""

    code = "conflict"


class NotFound(ZhangguiError):
    """There is no such thing here any more. Reload and look again."""

    code = "missing"
