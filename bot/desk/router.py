"""All routes of the desk in one router."""
from __future__ import annotations

from fastapi import APIRouter

from bot.desk.console import console_router
from bot.desk.frame import Frame
from bot.desk.guard import make_guard
from bot.desk.signin import signin_router
from bot.desk.workbench import workbench_router
from bot.pages.hints import HintBoard
from bot.pages.parts import WebParts
from bot.pages.render import Pages


def desk_router(parts: WebParts, pages: Pages, board: HintBoard) -> APIRouter:
    """Signing in, console and tickets, all behind one guard."""
    frame, guard = Frame(parts, pages), make_guard(parts)
    router = APIRouter()
    router.include_router(signin_router(parts, frame, guard))
    router.include_router(console_router(parts, frame, guard, board))
    router.include_router(workbench_router(parts, frame, guard))
    return router
