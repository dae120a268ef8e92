"""Whose signature counts, and who decides: by hand, and for every set of persons."""
from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actions.tickets.approval.limits import NO_LIMIT, Limit
from actions.tickets.approval.rules import (
    ABOVE,
    DISTRICT,
    GIVE,
    NOT_GIVE,
    OWN,
    PROPOSE,
    RELATIVE,
    REVIEW,
    SPECIAL,
    TOWNSHIP,
    TWICE,
    UNCONFIRMED,
    Case,
    Signature,
    case_of,
    conflict,
    missing_step,
    why_district,
)

ZHANG, LI, HE, LIU, CHEN = 1, 2, 3, 4, 5
LIMIT = Limit(Decimal(3000), True)


def signed(step: str, *persons: int, level: str = TOWNSHIP, amount: str | None = "800", opinion: str = GIVE,
           special: bool = False) -> Signature:
    return Signature(level, step, frozenset(persons), opinion, Decimal(amount) if amount else None, special)


PROPOSED = [signed(PROPOSE, ZHANG)]
REVIEWED = [*PROPOSED, signed(REVIEW, LI)]


@pytest.mark.parametrize("persons, own, relatives, expected", [
    ({HE}, set(), set(), None),
    ({ZHANG}, set(), set(), TWICE),  # proposed it
    ({LI}, set(), set(), TWICE),  # reviewed it
    ({HE}, {HE}, set(), OWN),
    ({HE}, set(), {HE}, RELATIVE),
    ({LIU, HE}, set(), set(), None),  # in the head's place
    ({LIU, HE}, set(), {HE}, RELATIVE),  # the head's tie is not got round by delegating
    ({LIU, HE}, set(), {LIU}, RELATIVE),
    ({LIU, ZHANG}, set(), set(), TWICE),  # in the place of who proposed
    ({ZHANG, HE}, set(), set(), TWICE),  # who proposed, in the head's place
])
def test_who_may_not_sign(persons: set[int], own: set[int], relatives: set[int], expected: str | None) -> None:
    assert conflict(persons, own=own, relatives=relatives, signatures=REVIEWED) == expected


people = st.frozensets(st.integers(1, 6), min_size=1, max_size=2)


@given(people, st.frozensets(st.integers(1, 6)), st.frozensets(st.integers(1, 6)), st.lists(people, max_size=4))
def test_whoever_may_sign_has_nothing_to_do_with_it(who: frozenset[int], own: frozenset[int], ties: frozenset[int],
                                                    before: list[frozenset[int]]) -> None:
    signatures = [signed(PROPOSE, *persons) for persons in before]
    found = conflict(who, own=own, relatives=ties, signatures=signatures)
    touched = own | ties | frozenset().union(*before)
    assert (found is None) == (not who & touched)


@given(st.lists(st.tuples(st.sampled_from([TOWNSHIP, DISTRICT]), st.sampled_from([PROPOSE, REVIEW]), st.integers(1, 6)),
                max_size=6), st.integers(1, 6), st.sampled_from([TOWNSHIP, DISTRICT]))
def test_a_complete_decision_was_never_made_by_one_person(steps: list[tuple[str, str, int]], decider: int, level: str) -> None:
    """Whatever the order of tries: let through only what the rules let through, then decide."""
    signatures: list[Signature] = []
    for where, step, person in steps:
        if conflict({person}, own=(), relatives=(), signatures=signatures) is None:
            signatures.append(signed(step, person, level=where))
    if missing_step(signatures, level) is None and conflict({decider}, own=(), relatives=(), signatures=signatures) is None:
        persons = {person for signature in signatures for person in signature.persons}
        assert decider not in persons and len(persons) == len(signatures)
        assert len(persons | {decider}) >= (3 if level == TOWNSHIP else 2)


def test_what_a_decision_still_needs() -> None:
    assert missing_step([], TOWNSHIP) == PROPOSE
    assert missing_step(PROPOSED, TOWNSHIP) == REVIEW
    assert missing_step(REVIEWED, TOWNSHIP) is None
    assert missing_step(REVIEWED, DISTRICT) == REVIEW  # the township's review is an opinion, not the district's
    assert missing_step([*REVIEWED, signed(REVIEW, LIU, level=DISTRICT)], DISTRICT) is None


@pytest.mark.parametrize("case, limit, expected", [
    (Case(GIVE, Decimal(3000), False), LIMIT, None),
    (Case(GIVE, Decimal("3000.01"), False), LIMIT, ABOVE),
    (Case(GIVE, None, False), LIMIT, ABOVE),
    (Case(NOT_GIVE, None, False), LIMIT, None),
    (Case(GIVE, Decimal(1), True), LIMIT, SPECIAL),
    (Case(GIVE, Decimal(1), False), NO_LIMIT, UNCONFIRMED),
    (Case(GIVE, Decimal(1), False), Limit(Decimal(3000), False), UNCONFIRMED),
    (Case(NOT_GIVE, None, False), NO_LIMIT, UNCONFIRMED),  # to refuse is to decide
])
def test_who_decides(case: Case, limit: Limit, expected: str | None) -> None:
    assert why_district(case, limit) == expected


def test_the_opinion_that_stands_is_the_last_one_and_special_stays_special() -> None:
    assert case_of([]) is None
    case = case_of([signed(PROPOSE, ZHANG, special=True), signed(REVIEW, LI, amount="500")])
    assert case == Case(GIVE, Decimal(500), True)
    assert case_of([signed(PROPOSE, ZHANG), signed(REVIEW, LI, amount=None, opinion=NOT_GIVE)]) == Case(NOT_GIVE, None, False)
