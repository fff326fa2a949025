"""What the starter set can tell an agent, read once in a process."""

from __future__ import annotations

from functools import cache

from bot.advice import Advice
from bot.brain import Brain, read_mind
from bot.clock import SystemClock
from bot.demo.shop import demo_settings
from bot.starter import starter_folder


@cache
def starter_advice() -> Advice:
    """Return advice over the real starter entries, phrases and replies."""
    settings, folder = demo_settings(), starter_folder()
    return Advice(Brain(folder, settings, read_mind(folder, settings)), settings, SystemClock())
