"""Campaigns are tested with the thinker and the logs of delivery."""

from tests.delivery.conftest import plain_logs, thinker

__all__ = ["plain_logs", "thinker"]
