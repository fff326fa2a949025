"""The bar above the list: who is logged in, sound, light, language, help, the way out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui import ui

from handoff.console.dialogs import show_help
from handoff.console.labels import Labels
from handoff.console.look import box, icon_button, text
from handoff.console.session import PATH
from handoff.people import Agent
from handoff.presence import STATUSES


@dataclass(frozen=True, slots=True)
class Taste:
    """How one agent likes their page: language, dark (None: as the machine does), sound."""

    language: str
    dark: bool | None
    sound: bool


@dataclass(frozen=True, slots=True)
class BarActions:
    """What the buttons do to the agent: change the status, log out."""

    set_status: Callable[[str], Awaitable[object]]
    log_out: Callable[[], Awaitable[None]]


class TopBar:
    """Knows whether the sound is on."""

    def __init__(self, labels: Labels, viewer: Agent, taste: Taste, does: BarActions) -> None:
        self._labels = labels
        self._language = taste.language
        self.sound = taste.sound
        self._does = does
        self._status = ""
        with box("zg-bar"):
            text("掌", "zg-logo").props('aria-hidden="true"')
            with box("zg-who"):
                with box("zg-me", "a").props(f'href="{PATH}/account"') as name:
                    text(viewer.name)
                name.props["title"] = labels["account"]
                with box("zg-status", "button").props('type="button"').on("click", self.switch_status) as made:
                    box("zg-dot").props('aria-hidden="true"')
                    self._status_words = text("")
                self._status_button = made
                made.props["title"] = labels["keys_status"]
            if viewer.leads:
                icon_button(labels["board"], "dashboard", lambda: ui.navigate.to("/board"))
            self._bell = icon_button(labels["sound"], "", self.switch_sound)
            icon_button(labels["dark"], "contrast", lambda: ui.run_javascript("zg.dark()"))
            icon_button(labels["switch"], "translate", self._switch_language)
            icon_button(labels["help"], "keyboard", lambda: show_help(labels))
            icon_button(labels["logout"], "logout", does.log_out)
        self._show_sound()

    def show(self, status: str) -> None:
        """Show the viewer's status. One whose page was just opened is about to be on."""
        self._status = status
        if self._status_button.props.get("data-status") == status:
            return
        self._status_words.set_text(self._labels.get(f"status_of_{status}", status))
        self._status_button.props["data-status"] = status
        self._status_button.update()

    async def switch_status(self) -> None:
        """Say the next of on, away and off."""
        here = STATUSES.index(self._status) if self._status in STATUSES else -1
        self._status = STATUSES[(here + 1) % len(STATUSES)]  # at once: a second press means the one after
        await self._does.set_status(self._status)

    def switch_sound(self) -> None:
        """Turn the sound on or off, for this browser."""
        self.sound = not self.sound
        ui.run_javascript(f"zg.keep('zg_sound', '{int(self.sound)}')")
        self._show_sound()
        ui.notify(self._labels["sound_on" if self.sound else "sound_off"], position="top")

    def _show_sound(self) -> None:
        self._bell.props["icon"] = "notifications_active" if self.sound else "notifications_off"
        self._bell.props["aria-pressed"] = "true" if self.sound else "false"
        self._bell.update()
        ui.run_javascript(f"document.querySelector('.zg-root').dataset.sound = '{int(self.sound)}'")

    def _switch_language(self) -> None:
        other = "en" if self._language == "zh" else "zh"
        ui.run_javascript(f"zg.keep('zg_lang', '{other}'); location.reload()")
