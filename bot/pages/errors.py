"""Errors as the pages speak of them: a code whose words stand in templates/error.html."""
from __future__ import annotations

STATUS = {
    "bad_request": 400, "csrf": 403, "foreign": 403, "not_found": 404, "wrong_method": 405, "too_slow": 408,
    "too_large": 413, "file_large": 413, "file_kind": 415, "no_file": 422,
    "blank": 422, "too_long": 422, "too_fast": 429, "broken": 500, "busy": 503,
}


class PageError(Exception):
    """Ends a request with a friendly page (or `{"error": code}` for a script)."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code, self.status = code, STATUS[code]


class Elsewhere(Exception):
    """Sends the browser to another page of ours. `api_status` is what a script or a live pane gets instead."""

    def __init__(self, url: str, api_status: int = 401) -> None:
        super().__init__(url)
        self.url, self.api_status = url, api_status
