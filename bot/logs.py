"""Logs: pretty on a terminal, JSON lines elsewhere; never a message text, token or phone number."""

from __future__ import annotations

import logging
import sys

import structlog
from structlog.typing import EventDict, WrappedLogger

from bot.masking import masked


def configure_logs() -> None:
    """Send every log to stderr. Libraries speak from WARNING on: their INFO lines hold addresses with tokens."""
    pretty = sys.stderr.isatty()
    # Plain tracebacks: the pretty ones print local variables, and those hold what customers wrote.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    renderer = plain if pretty else structlog.processors.JSONRenderer(ensure_ascii=False)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # on a terminal too: what is rendered later is not masked
            without_people,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")


def without_people(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask what errors of libraries repeat of a message; ids, which are no texts, stay as they are."""
    for key in ("event", "exception", "error"):
        if isinstance(event.get(key), str):
            event[key] = masked(event[key])
    return event
