"""Asks one Rasa server over HTTP."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson

from bot.masking import masked

LARGEST_ANSWER_B = 1_000_000
LONGEST_TEXT = 1_000
"""Characters of a message that Rasa gets: what it was trained on is shorter by far."""


class Unusable(Exception):
    """Rasa did not answer in time, or with something else than an answer."""


@dataclass(frozen=True, slots=True)
class Server:
    """Rasa at `url`, with its token and the time it gets for an answer. Threads may share it."""

    url: str
    token: str = field(repr=False)
    timeout_s: float
    _client: httpx.Client = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        client = httpx.Client(timeout=self.timeout_s, trust_env=False)  # no proxy between two programs of one machine
        object.__setattr__(self, "_client", client)

    def parse(self, text: str) -> Any:
        """Return what `/model/parse` makes of `text`, in which nothing tells who someone is: the JSON as it comes.

        Raises:
            Unusable: it took too long, failed, or is no JSON.
        """
        shortened = masked(text)[:LONGEST_TEXT].encode(errors="replace").decode()  # a lone surrogate cannot be sent
        return self._json("POST", "/model/parse", orjson.dumps({"text": shortened}))

    def is_ready(self) -> bool:
        """Whether it is up with a model loaded."""
        try:
            return bool(self._json("GET", "/status").get("model_file"))
        except (Unusable, AttributeError):
            return False

    def _json(self, method: str, path: str, body: bytes = b"") -> Any:
        deadline = time.monotonic() + self.timeout_s
        content = bytearray()
        try:
            with self._client.stream(method, f"{self.url}{path}", params={"token": self.token}, content=body) as answer:
                for chunk in answer.iter_bytes():
                    content += chunk
                    if time.monotonic() > deadline or len(content) > LARGEST_ANSWER_B:
                        raise Unusable("its answer is too long or too slow")
                if answer.status_code != httpx.codes.OK:
                    raise Unusable(f"it answered {answer.status_code}")
            return orjson.loads(content)
        except httpx.TimeoutException:
            raise Unusable(f"it did not answer within {self.timeout_s * 1000:.0f} ms") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Unusable(f"it cannot be reached ({type(error).__name__})") from None
        except RuntimeError:  # the client was closed
            raise Unusable("it was closed") from None
        except ValueError:
            raise Unusable("its answer is no JSON") from None

    def close(self) -> None:
        self._client.close()
