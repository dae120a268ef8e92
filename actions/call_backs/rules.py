"""What a try to phone somebody leads to. Pure."""

from __future__ import annotations

# outcome of a try → state of the call-back after it
AFTER = {"reached": "done", "no_answer": "open", "given_up": "not_reached"}
LONGEST_WISH = 100


class AlreadyClosed(Exception):
    """Somebody has reached the resident, or given up, since the page was read; `state` says which."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the call-back is {state}")
        self.state = state
