"""The agents' console: NiceGUI pages at `/console/`."""

from handoff.console.mount import mount_console

__all__ = ["mount_console"]
