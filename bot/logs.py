"""Logs without personal data: one line of JSON per event on stderr; texts, addresses and names never reach them."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

# keys that may carry what a person said or who they are; dropped wherever they appear
NEVER = frozenset(
    {
        "text",
        "message",
        "address",
        "phone",
        "name",
        "sender_id",
        "tracker",
        "slots",
        "entities",
        "parse_data_text",
        "parse_data_entities",
        "tracker_latest_message",
        "rasa_events",
        "slot_candidates",
        "events",
    }
)


def _drop_personal(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key in list(event):
        if key in NEVER:
            del event[key]
    if str(event.get("event", "")).startswith(("processor.", "forms.", "action.", "tracker.")):
        raise structlog.DropEvent  # Rasa's own debug lines carry the whole conversation
    return event


class Writer:
    """Writes lines to stderr as it is at that moment. A line that cannot be written is dropped: the work goes on."""

    def msg(self, message: str) -> None:
        """One line."""
        with contextlib.suppress(OSError, ValueError):  # the disk is full, the terminal is gone, the file is closed
            sys.stderr.write(message + "\n")
            sys.stderr.flush()

    log = debug = info = warn = warning = error = err = exception = fatal = critical = failure = msg


def configure_logs(level: str, process: str) -> None:
    """Sets up structlog and the standard library's logging. Must run before Rasa is imported."""
    number = logging.getLevelName(level.upper())
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _drop_personal,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_: Writer(),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(process=process)
    logging.raiseExceptions = False  # a line that cannot be written must not be printed as a traceback instead
    # libraries print messages with their arguments: only their errors, and never Rasa's or httpx's
    logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(name)s", force=True)
    for noisy in ("rasa", "httpx", "telegram", "urllib3", "jieba", "apscheduler", "matplotlib"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL)
