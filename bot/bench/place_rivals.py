"""One rival of `youmen bench places`, run by the Python of build/rivals: nothing of this project is imported here.

Usage: place_rivals.py NAME, with a JSON object {units: {name: [districts]}, texts: [..]} on standard input; prints one
JSON line {unit, district, us} for each text. Where a rival stops at the county, it gets the least a user would write:
the full name of a township of that county, found in the text.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable

Found = tuple[str, str, str]  # county, rest of the text, township


def cpca() -> Callable[[str], Found]:
    """cpca: province, city, county and the rest, by position in its table."""
    import cpca as library

    def read(text: str) -> Found:
        row = library.transform([text]).iloc[0]
        return str(row.iloc[2] or ""), str(row.iloc[3] or ""), ""

    return read


def addressparser() -> Callable[[str], Found]:
    """addressparser: as cpca."""
    import addressparser as library

    def read(text: str) -> Found:
        row = library.transform([text]).iloc[0]
        return str(row.iloc[2] or ""), str(row.iloc[3] or ""), ""

    return read


def jionlp() -> Callable[[str], Found]:
    """jionlp.parse_location with towns and villages."""
    import jionlp as library

    def read(text: str) -> Found:
        found = library.parse_location(text, town_village=True)
        return found.get("county") or "", found.get("detail") or "", found.get("town") or ""

    return read


RIVALS = {"cpca": cpca, "addressparser": addressparser, "jionlp": jionlp}


def main() -> None:
    """Reads all texts once unmeasured, then measures each."""
    warnings.filterwarnings("ignore")
    out, sys.stdout = sys.stdout, sys.stderr  # the libraries talk on standard output
    task = json.load(sys.stdin)
    units, texts = task["units"], task["texts"]
    read = RIVALS[sys.argv[1]]()
    for text in texts[:50]:
        read(text)
    for text in texts:
        begin = time.thread_time()
        try:
            county, rest, town = read(text)
        except Exception:  # a rival that falls over has found nothing
            county, rest, town = "", "", ""
        unit = town if town in units else next((name for name in units if county in units[name] and name in rest), "")
        spent = time.thread_time() - begin
        out.write(json.dumps({"unit": unit, "district": county, "us": spent * 1e6}) + "\n")


if __name__ == "__main__":
    main()
