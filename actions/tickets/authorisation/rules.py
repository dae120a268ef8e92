"""What an authorisation must say, and whose means may be checked. Pure.

Sources: 社会救助法 40, 41 (consent; supporters' data only with their own), 11, 70(6) (no query without an application);
个人信息保护法 28-31 (separate consent, a guardian answers for a child under 14).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from actions.language.mask import is_identity_number, tidy_identity

HOUSEHOLD, SUPPORTER = "household", "supporter"
APPLICANT, MEMBER = "applicant", "member"
WAITING, GIVEN, DECLINED, WITHDRAWN = "waiting", "given", "declined", "withdrawn"
ANSWERS = (GIVEN, DECLINED, WITHDRAWN)
AGREES, DIFFERS, UNAVAILABLE = "agrees", "differs", "unavailable"
OUTCOMES = (AGREES, DIFFERS, UNAVAILABLE)
PHOTO = "photo"  # the channel that needs a signature image


class AuthorisationWrong(Exception):
    """It cannot be noted as asked; `reason` is an id of config/tickets/reasons.yaml."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Asked:
    """One person whose means are to be checked."""

    role: str
    name: str
    identity: str = ""
    under_14: bool = False
    guardian: str = ""


def check_request(kind: str, scope: Collection[str], scopes: Collection[str], members: Sequence[Asked]) -> None:
    """Raises AuthorisationWrong: no scope or an unknown one, nobody named, a wrong number, supporters among the
    household.

    A household is one applicant and its members; every supporter stands alone, since they agree for themselves only.
    """
    if not scope or not set(scope) <= set(scopes):
        raise AuthorisationWrong("authorisation_scope")
    if not members or not all(member.name.strip() for member in members):
        raise AuthorisationWrong("authorisation_names")
    if any(member.identity.strip() and not is_identity_number(tidy_identity(member.identity)) for member in members):
        raise AuthorisationWrong("identity_wrong")
    roles = [member.role for member in members]
    if kind == SUPPORTER:
        if roles != [SUPPORTER]:
            raise AuthorisationWrong("authorisation_supporter_alone")
    elif kind != HOUSEHOLD or roles.count(APPLICANT) != 1 or set(roles) - {APPLICANT, MEMBER}:
        raise AuthorisationWrong("authorisation_household")


def check_answer(before: str, answer: str, *, channel: str | None, channels: Collection[str], under_14: bool,
                 guardian: str, signature: bool) -> None:
    """Raises AuthorisationWrong for an answer that cannot follow, or is not complete.

    Given: through a named channel, with the image where the channel is a photo, by a guardian for a child. Only what
    was given can be withdrawn, at any time.
    """
    if answer not in ANSWERS:
        raise AuthorisationWrong("authorisation_answer")
    if answer == WITHDRAWN and before != GIVEN:
        raise AuthorisationWrong("authorisation_nothing_given")
    if answer != GIVEN:
        return
    if channel not in channels:
        raise AuthorisationWrong("authorisation_channel")
    if channel == PHOTO and not signature:
        raise AuthorisationWrong("authorisation_signature")
    if under_14 and not guardian.strip():
        raise AuthorisationWrong("authorisation_guardian")
