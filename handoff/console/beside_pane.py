"""Another conversation of the same person, beside the one that is answered: to be read, not to be written in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from handoff.console.around import Beside
from handoff.console.keyed import Keyed
from handoff.console.labels import Labels
from handoff.console.line import show_line
from handoff.console.look import box, channel_name, chip, icon_button, text
from handoff.transcript import Line


class BesidePane:
    """Hidden while there is nothing to show."""

    def __init__(self, labels: Labels, on_beside: Callable[[str | None], Awaitable[None]]) -> None:
        self._labels = labels
        self._talk_id = ""
        with box("zg-beside", "section") as self._root:
            self._root.props["aria-label"] = labels["beside"]
            with box("zg-beside-head"):
                self._channel = chip("")
                self._name = text("", "zg-name")
                icon_button(labels["beside_close"], "close", lambda: on_beside(None))
            with box("zg-beside-lines").props('tabindex="0" role="log" aria-live="off"') as lines:
                lines.props["aria-label"] = labels["beside"]
                with box("zg-lines-in") as container:
                    self._lines: Keyed[Line] = Keyed(container, lambda line: show_line(line, labels, None, None))
        self._root.set_visibility(False)

    def show(self, beside: Beside | None) -> None:
        """Show a conversation, or nothing."""
        self._root.set_visibility(beside is not None)
        if beside is None:
            self._talk_id = ""
            self._lines.clear()
            return
        if beside.talk.id != self._talk_id:
            self._lines.clear()
        self._talk_id = beside.talk.id
        self._channel.set_text(channel_name(beside.talk.channel))
        self._name.set_text(beside.talk.name)
        self._lines.show([(line.key, line) for line in beside.lines])
