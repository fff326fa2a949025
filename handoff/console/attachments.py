"""The files of one line: pictures and voices in place, others to be downloaded."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import ui
from nicegui.element import Element

from handoff.console.labels import Labels
from handoff.console.look import box, text
from handoff.console.media import address_of
from handoff.files import Attachment, Shape


def show_files(files: Sequence[Attachment], labels: Labels) -> None:
    """Show the files of a line, or why one cannot be seen."""
    for file in files:
        kind = labels.get(f"file_{file.kind}", labels["file_file"])
        if file.status != "kept":
            text(f"[{kind}{labels['comma']}{labels['file_lost' if file.status == 'lost' else 'file_new']}]", "zg-event")
        elif file.shape is Shape.PICTURE:
            with _link(file):
                picture = box("zg-picture", "img").props("loading=lazy")
                picture.props["src"] = address_of(file.id)
                picture.props["alt"] = file.name or kind
        elif file.shape is Shape.SOUND:
            sound = box("zg-sound", "audio").props("controls preload=none")
            sound.props["src"] = address_of(file.id)
            sound.props["aria-label"] = kind
        else:
            with _link(file).classes("zg-file"):
                ui.icon("download")
                text(labels["file_save"].format(name=file.name or kind))


def _link(file: Attachment) -> Element:
    link = box("zg-file-link", "a").props('target="_blank" rel="noopener"')
    link.props["href"] = address_of(file.id)
    return link
