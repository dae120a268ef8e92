"""Who can answer for a ticket: a unit of the area, the district's own desk, a district outside. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from actions.places.gazetteer import Gazetteer

ENDS = ("merge", "rename")  # after these steps of its history a unit is no more


@dataclass(frozen=True)
class Responsible:
    """Who answers for a ticket: a unit of the area, the district's own desk, or a district outside."""

    desk: str
    unit_id: str | None
    unit_name: str | None
    district: str | None


def unit_desk(gazetteer: Gazetteer, unit: str, day: date) -> Responsible | None:
    """The served unit with this id as who answers for a ticket on `day`.

    None for no unit, another area's, and one that answers to no district any more on that day: it was dissolved.
    """
    if unit not in gazetteer.served:
        return None
    found = gazetteer.units[unit]
    if found.district_at(day) is None:
        return None
    return Responsible("unit", found.id, found.name, gazetteer.district_name(unit, day))


def unit_choices(gazetteer: Gazetteer, day: date) -> dict[str, str]:
    """Unit id → name of every unit that can be given a ticket on `day`, by name."""
    named = {unit: gazetteer.units[unit].name for unit in gazetteer.served if unit_desk(gazetteer, unit, day)}
    return dict(sorted(named.items(), key=lambda pair: pair[1]))


def answering(gazetteer: Gazetteer, unit: str, day: date) -> Responsible:
    """Who answers on `day` for what was given to a unit: itself, the one it was merged into or renamed to, else the
    district's own desk (config/places: succession.csv, jurisdiction.csv, desks.csv)."""
    seen = {unit}
    while True:
        steps = [step for step in gazetteer.succession
                 if step.before == unit and step.kind in ENDS and step.day is not None and step.day <= day]
        after = max(steps, key=lambda step: (step.day, step.line)).after if steps else unit
        if after in seen:
            break
        unit = after
        seen.add(unit)
    found = unit_desk(gazetteer, unit, day)
    return found if found is not None and gazetteer.desks.of(unit, day) == "unit" else district_desk(gazetteer)


def district_desk(gazetteer: Gazetteer) -> Responsible:
    """The district's own desk."""
    return Responsible("district", None, None, gazetteer.area_name)
