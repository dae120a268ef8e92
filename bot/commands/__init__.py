"""The verbs of the youmen command, a few to a file; bot.cli gathers them."""
