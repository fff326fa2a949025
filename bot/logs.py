"""Logs: pretty on a terminal, JSON lines elsewhere; never a message text, token or phone number."""

from __future__ import annotations

import logging
import sys

import structlog


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
            *([] if pretty else [structlog.processors.format_exc_info]),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
