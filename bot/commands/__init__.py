"""The verbs of the command, one noun a module."""
