"""Telegram: our own loop over python-telegram-bot's Bot. What came in is confirmed only after it has been stored."""
