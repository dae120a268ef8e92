"""Asks Telegram for news, one asker at a time; the next question, which confirms, comes only after our commit."""

from __future__ import annotations

import threading

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import DBAPIError
from telegram import Update
from telegram.error import Conflict, InvalidToken, NetworkError, RetryAfter, TelegramError

from actions.storage.only_one import OnlyOne
from bot.channels.telegram.api import Api, seconds_of
from bot.channels.telegram.inbox import Inbox, take

log = structlog.get_logger(__name__)

# seconds until the next question: after trouble, beside another asker, where we are refused, once the app pushes
SOON, STANDBY, SLOWLY, HOURLY = 1.0, 2.0, 60.0, 3600.0
TRIES = 3


class Poller:
    """The loop. `round` is one question; it returns the seconds to wait before the next."""

    def __init__(self, api: Api, inbox: Inbox) -> None:
        self._api, self._inbox = api, inbox
        self._lock = OnlyOne(inbox.database.engine, "telegram")
        self._offset: int | None = None
        self._tried: dict[int, int] = {}
        self._trouble: str | None = None
        self._greeted = False

    def run(self, stop: threading.Event) -> None:
        """Works until told to stop."""
        while not stop.is_set():
            wait = self.round()
            if wait:
                stop.wait(wait)
        self._lock.give_up()

    def stop(self) -> None:
        """Gives the lock back."""
        self._lock.give_up()

    def round(self, seconds: int | None = None) -> float:
        """Asks once, waiting for news at most `seconds`, and stores what came."""
        try:
            if not self._lock.held():
                return STANDBY
            wait = self._ask(seconds)
            self._well()
            return wait
        except InvalidToken:
            self._api.note_refused()
            return SLOWLY
        except RetryAfter as error:
            return self._troubled("telegram_slows_us", seconds_of(error))
        except Conflict:  # somebody else asks with our token, or set a webhook
            self._greeted = False
            return self._troubled("telegram_asked_elsewhere", SOON)
        except NetworkError:
            return self._troubled("telegram_unreachable", SOON)
        except TelegramError as error:
            return self._troubled(f"telegram_failed_{type(error).__name__}", SLOWLY)
        except DBAPIError as error:
            return self._troubled("database_unreachable", SOON, type(error.orig).__name__ if error.orig else "?")
        except Exception as error:  # whatever it is, it must not end the loop
            return self._troubled("telegram_loop_failed", SOON, f"{type(error).__name__} {_where(error)}")

    def _ask(self, seconds: int | None) -> float:
        if not self._greeted:
            self._api.delete_webhook()  # an app that pushes cannot be asked
            self._greeted = True
            log.info("telegram_polls")
        news = self._api.updates(self._offset, self._inbox.words.poll_seconds if seconds is None else seconds)
        self._well()
        return self._take_all(news)

    def _take_all(self, news: tuple[Update, ...]) -> float:
        if not news:
            # all is confirmed; without an offset even ids that begin anew are heard (after a silent week they do)
            self._offset = None
        for update in sorted(news, key=lambda one: one.update_id):
            if not self._take(update):
                return SOON
            self._offset = max(self._offset or 0, update.update_id + 1)
        return 0.0

    def _take(self, update: Update) -> bool:
        """False: not stored, and to be asked for again."""
        try:
            calls = take(self._inbox, update)
        except sa.exc.OperationalError:
            raise  # the database is away or a lock is held: the same update again, later
        except Exception as error:
            # an update that cannot be stored must not hold up everybody's: after some tries it is passed over
            tried = self._tried.pop(update.update_id, 0) + 1
            log.error(
                "telegram_update_failed",
                update=update.update_id,
                tried=tried,
                error=type(error).__name__,
                where=_where(error),
            )
            if tried < TRIES:
                self._tried[update.update_id] = tried
                return False
            return True
        self._tried.pop(update.update_id, None)
        self._api.do_later([(call.method, call.values) for call in calls])
        return True

    def _troubled(self, what: str, wait: float, error: str | None = None) -> float:
        if what != self._trouble:  # once, not at every try
            log.error(what, error=error, again_in=wait)
            self._trouble = what
        return wait

    def _well(self) -> None:
        if self._trouble is not None:
            log.info("telegram_works_again", after=self._trouble)
            self._trouble = None


class Announcer(Poller):
    """Where the app pushes: tells it our address, and again every hour."""

    def __init__(self, api: Api, inbox: Inbox, url: str, secret: str) -> None:
        super().__init__(api, inbox)
        self._url, self._secret = url, secret

    def _ask(self, seconds: int | None) -> float:
        self._api.set_webhook(self._url, self._secret)
        if not self._greeted:
            self._greeted = True
            log.info("telegram_pushes")
        return HOURLY


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
