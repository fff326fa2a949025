"""`python -m bot` is the command `zhanggui`."""

from bot.cli import main

main()
