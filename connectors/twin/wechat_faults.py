"""What a test makes go wrong on the platform's side, call by call. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

ANY = "*"
DEFAULT_API = "message/custom/send"


@dataclass(frozen=True, slots=True)
class Fault:
    """One call that goes wrong.

    Attributes:
        how: `errcode` (refused, nothing done), `html` (a page instead, nothing done), `slow` (done, answered late) or
            `half` (done, the answer breaks off in the middle).
        value: the error code, the HTTP status or the seconds.
        api: path after `/cgi-bin/`, `*` for every call.
    """

    how: str
    value: float = 0
    api: str = DEFAULT_API


class Faults:
    """The calls that will go wrong, in order."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def plan(self, fault: Fault, times: int) -> None:
        """Let the next `times` calls of an API go wrong; takes the place of what was planned of this sort."""
        others = [known for known in self._waiting if (known.how, known.api) != (fault.how, fault.api)]
        self._waiting = others + [fault] * times

    def take(self, api: str) -> Fault | None:
        """Return the fault of this call and forget it."""
        fault = next((known for known in self._waiting if known.api in (api, ANY)), None)
        if fault is not None:
            self._waiting.remove(fault)
        return fault
