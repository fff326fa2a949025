"""Zhanggui (掌柜): the shopkeeper that answers, sells and hands over to people."""

__version__ = "0.1.0"
