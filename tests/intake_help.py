"""What tests of the intake send."""
from __future__ import annotations

from typing import Any

from tests.cast import Browser, hidden

PLACE = "龙溪街道花卉园西路8号"


def a_form(**more: Any) -> dict[str, Any]:
    """A form as the operator fills it in for 王婶."""
    return {"source": "operator", "cause": "fire", "event_place": PLACE, "name": "王秀英", "phone": "13800138000",
            "told": "家里烧了，今晚没有地方住", "f_need_tonight_bed": "1", **more}


def file(browser: Browser, **more: Any) -> Any:
    """Opens the form and posts it."""
    form = hidden(browser.get("/desk/intake").text, "external_id")
    return browser.do("/desk/intake", **{"external_id": form, **a_form(**more)})
