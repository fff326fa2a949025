"""A picture that goes with the next reply: chosen, or pasted into the field."""

from __future__ import annotations

from nicegui import ui
from nicegui.element import Element
from nicegui.events import UploadEventArguments

from bot.errors import NotAllowed
from bot.messages import File
from handoff import files
from handoff.console.labels import Labels
from handoff.console.look import box, icon_button, text

_ON_CLICK = "(e) => zg.pick(e.target.closest('[data-talk]'))"


class Attach:
    """Keeps the picture of each talk until it is sent.

    The composer's root tells the script in the browser which uploader is its (`data-upload`), and whether a picture
    waits (`data-picture`): then Enter sends it without words, too.
    """

    def __init__(self, labels: Labels, root: Element) -> None:
        self._labels = labels
        self._root = root
        self._talk_id = ""
        self._uploads_for = ""
        self._pictures: dict[str, File] = {}
        self._upload = ui.upload(
            on_begin_upload=self._begin,
            on_upload=self._chosen,
            on_rejected=self._refused,
            max_file_size=files.MAX_PICTURE_BYTES,
            auto_upload=True,
        )
        self._upload.props('accept="image/png,image/jpeg,image/gif,image/webp"').classes("zg-upload")
        root.props["data-upload"] = str(self._upload.id)
        self._button = icon_button(labels["attach"], "add_photo_alternate", None, "zg-attach")
        self._button.on("click", js_handler=_ON_CLICK)
        with box("zg-attached") as self._shown:
            ui.icon("image")
            self._name = text("", "zg-attached-name")
            icon_button(labels["detach"], "close", lambda: self.take(self._talk_id))

    def show(self, talk_id: str, can_send: bool) -> None:
        """Show the picture of a talk; `can_send` if the viewer may send one there."""
        self._talk_id = talk_id
        picture = self._pictures.get(talk_id)
        self._button.set_visibility(can_send)
        self._shown.set_visibility(can_send and picture is not None)
        if picture is not None:
            self._name.set_text(f"{picture.name} · {-(-len(picture.body) // 1024)} KB")
        waits = "1" if can_send and picture is not None else ""
        if self._root.props.get("data-picture") != waits:
            self._root.props["data-picture"] = waits
            self._root.update()

    def take(self, talk_id: str) -> File | None:
        """Return the picture of a talk and forget it: it is on its way, or unwanted."""
        picture = self._pictures.pop(talk_id, None)
        if talk_id == self._talk_id:
            self.show(talk_id, self._button.visible)
        return picture

    def put_back(self, talk_id: str, picture: File) -> None:
        """Keep a picture that could not be sent."""
        self._pictures[talk_id] = picture
        if talk_id == self._talk_id:
            self.show(talk_id, self._button.visible)

    def _begin(self) -> None:
        self._uploads_for = self._talk_id

    async def _chosen(self, event: UploadEventArguments) -> None:
        talk_id = self._uploads_for
        self._upload.reset()
        try:
            self.put_back(talk_id, files.picture(await event.file.read(), event.file.name))
        except NotAllowed:
            self._refused()

    def _refused(self) -> None:
        ui.notify(self._labels["picture_wrong"], type="warning", position="top")
