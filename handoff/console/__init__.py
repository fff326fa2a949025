"""The agents' console: NiceGUI pages at `/console/`."""
