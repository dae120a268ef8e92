"""Telegram: our own loop over python-telegram-bot's Bot. What came in is confirmed only after it has been stored."""

import os

# its waiting times as timedelta, which its next major version gives anyway
os.environ.setdefault("PTB_TIMEDELTA", "true")
