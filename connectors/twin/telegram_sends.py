"""The methods of the Bot API that write into a chat, with the checks Telegram makes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from connectors.twin.telegram_files import StoredFile, as_media, picture_ending
from connectors.twin.telegram_params import integer, markup, words
from connectors.twin.telegram_topics import answered, thread_of
from connectors.twin.telegram_world import Json, Method, Refused, World

_PHOTO_BYTES = 10 * 1024 * 1024
_DELETABLE = timedelta(hours=48)  # Bot API, deleteMessage


class Sends:
    """Writes for the bot."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.methods: Mapping[str, Method] = {
            "sendmessage": self._send_message,
            "sendphoto": self._send_photo,
            "sendpoll": self._send_poll,
            "stoppoll": self._stop_poll,
            "editmessagetext": self._edit_text,
            "editmessagecaption": self._edit_caption,
            "editmessagereplymarkup": self._edit_markup,
            "deletemessage": self._delete,
            "pinchatmessage": self._pin,
            "sendchataction": self._chat_action,
        }

    async def _send_message(self, params: Json) -> object:
        chat_id = integer(params, "chat_id")
        self._world.chat_for_bot(chat_id)
        where = {**thread_of(self._world, chat_id, params), **answered(self._world, chat_id, params)}
        text = words(params, "text", 4096, "message text")
        return self._world.post(chat_id, {"text": text, **where, **markup(params)})

    async def _send_photo(self, params: Json) -> object:
        chat_id = integer(params, "chat_id")
        self._world.chat_for_bot(chat_id)
        caption = words(params, "caption", 1024, "message caption", needed=False)
        body = as_media("photo", self._picture(params.get("photo")))
        where = {**thread_of(self._world, chat_id, params), **answered(self._world, chat_id, params)}
        said = {"caption": caption} if caption else {}
        return self._world.post(chat_id, {**body, **said, **where, **markup(params)})

    def _picture(self, given: object) -> StoredFile:
        if isinstance(given, str) and given in self._world.files.by_id:
            return self._world.files.by_id[given]
        if not isinstance(given, bytes) or not given:
            raise Refused(400, "Bad Request: there is no photo in the request")
        if len(given) > _PHOTO_BYTES:
            raise Refused(400, "Bad Request: file is too big")
        if not picture_ending(given):
            raise Refused(400, "Bad Request: IMAGE_PROCESS_FAILED")
        return self._world.files.put("photo", given)

    async def _send_poll(self, params: Json) -> object:
        chat_id = integer(params, "chat_id")
        self._world.chat_for_bot(chat_id)
        question = words(params, "question", 300, "poll question")
        given = params.get("options")
        options = [_option(option) for option in given] if isinstance(given, list) else []
        if not 2 <= len(options) <= 12:
            raise Refused(400, "Bad Request: poll must have 2 to 12 options")
        poll = {
            "id": str(5_000_000_000_000_000_000 + len(self._world.votes)),
            "question": question,
            "options": [
                {"text": text, "voter_count": 0, "persistent_id": f"o{number}"} for number, text in enumerate(options)
            ],
            "total_voter_count": 0,
            "is_closed": False,
            "is_anonymous": _is_true(params.get("is_anonymous", True)),
            "type": "regular",
            "allows_multiple_answers": _is_true(params.get("allows_multiple_answers", False)),
            "allows_revoting": True,
            "members_only": False,
        }
        message = self._world.post(chat_id, {"poll": poll, **markup(params)})
        self._world.votes[str(poll["id"])] = {}
        return message

    async def _stop_poll(self, params: Json) -> object:
        poll = self._own(params, "poll to stop").get("poll")
        if poll is None or poll["is_closed"]:
            raise Refused(400, "Bad Request: poll can't be stopped")
        poll["is_closed"] = True
        self._world.emit("poll", dict(poll))
        return poll

    async def _edit_text(self, params: Json) -> object:
        message = self._own(params, "message to edit")
        if "text" not in message:
            raise Refused(400, "Bad Request: there is no text in the message to edit")
        return self._edit(message, "text", words(params, "text", 4096, "message text"), params)

    async def _edit_caption(self, params: Json) -> object:
        message = self._own(params, "message to edit")
        if "photo" not in message:
            raise Refused(400, "Bad Request: there is no caption in the message to edit")
        return self._edit(message, "caption", words(params, "caption", 1024, "message caption", needed=False), params)

    async def _edit_markup(self, params: Json) -> object:
        message = self._own(params, "message to edit")
        field = "text" if "text" in message else "caption"
        return self._edit(message, field, message.get(field, ""), params)

    def _edit(self, message: Json, field: str, text: str, params: Json) -> Json:
        buttons = markup(params)
        if message.get(field, "") == text and message.get("reply_markup") == buttons.get("reply_markup"):
            raise Refused(400, "Bad Request: message is not modified: specified new message content and reply markup "
                          "are exactly the same as a current content and reply markup of the message")  # fmt: skip
        message.pop("reply_markup", None)
        message.update({field: text, "edit_date": self._world.seconds(), **buttons})
        return message

    async def _delete(self, params: Json) -> object:
        chat_id = integer(params, "chat_id")
        message = self._world.find(chat_id, integer(params, "message_id"))
        if message is None:
            raise Refused(400, "Bad Request: message to delete not found")
        age = self._world.clock.now() - datetime.fromtimestamp(message["date"], UTC)
        mine = message["from"]["id"] == self._world.bot["id"]
        if age > _DELETABLE or not (mine or chat_id in self._world.users):
            raise Refused(400, "Bad Request: message can't be deleted")
        self._world.messages[chat_id].remove(message)
        return True

    async def _pin(self, params: Json) -> object:
        chat_id = integer(params, "chat_id")
        self._world.chat_for_bot(chat_id)
        if self._world.find(chat_id, integer(params, "message_id")) is None:
            raise Refused(400, "Bad Request: message to pin not found")
        self._world.pinned[chat_id] = integer(params, "message_id")
        return True

    async def _chat_action(self, params: Json) -> object:
        if not re.fullmatch(r"[a-z_]{4,30}", str(params.get("action", ""))):
            raise Refused(400, "Bad Request: wrong parameter action in request")
        chat = self._world.chat_for_bot(integer(params, "chat_id"))
        self._world.typing_at[chat["id"]] = self._world.clock.now()
        return True

    def _own(self, params: Json, what: str) -> Json:
        """Return a message of the bot itself in a chat it may write to."""
        chat_id = integer(params, "chat_id")
        self._world.chat_for_bot(chat_id)
        message = self._world.find(chat_id, integer(params, "message_id"))
        if message is None:
            raise Refused(400, f"Bad Request: {what} not found")
        if message["from"]["id"] != self._world.bot["id"]:
            raise Refused(400, "Bad Request: message can't be edited")
        return message


def _option(given: object) -> str:
    return words(given if isinstance(given, dict) else {"text": given}, "text", 100, "poll option")


def _is_true(value: object) -> bool:
    return value in (True, "true", "True", 1, "1")
