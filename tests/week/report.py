"""Writes docs/week.md from what the rows say after the week was played: for a district official, day by day."""
from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from actions.due.clock import SHANGHAI
from actions.storage.tables import Aid, Notice, Staff, Ticket, TicketClock, TicketEvent
from tests.week.story import Case, Day, shown
from tests.week.town import Town

HEAD = """# 一个镇街的一周

<!-- Written by `scripts/write_week`; do not edit it by hand, a test compares it with what the week gives. -->

{unit}，{first}至{last}：国庆假期最后两天、节后第一周，周六调休上班。三十张工单，每一步都由真实的程序办：
坐席、镇街、区民政通过工作台的页面，求助人通过聊天和进度页，另一个系统通过接口；时钟是拨的，不是等的。

**人和事都是编的，规则是真的。** 放假安排用国务院办公厅2026年的通知；每个时限用多少天、确认没确认，见[最后一张表](#用的是哪些数)。
只有一处假设：镇街审批额度本区还没有确认，现在一律报区；这里按“已确认{limit}元”走，好让两条路都看得到。

每个到期日、每天早上该看到什么、提醒了谁几次、求助人收到几条，都是照着日历手工数好的，再和程序办出来的比，一处不同就不通过。
聊天里问答的那一段不重演：从问完、开单的那一步起。
"""
FOOT = """
## For developers

Played by `tests/week`: `tickets/*.yaml` holds who does what when and, counted by hand, every deadline with its reason;
`days.yaml` what each morning shows; `town.py` plays it over HTTP with the courier's timers run at their moments;
`test_week.py` compares. This page is written from the rows by `report.py`: `scripts/write_week`. Ticket numbers are drawn
from a fixed list, so that it is the same every time. A chat ticket is filed by the turn's own step with the facts of the
YAML, without the model; somebody leaves as `youmen user off` lets them; everything else of staff goes through the pages.
"""
AID_HOURS = 24
STUCK = {"overdue": "超期", "paused": "停表太久", "quiet": "没人动", "undecided": "延期没人批", "nobody": "没人接手"}
HOW = {"kept": "按时", "missed": "**超时**", "runs": "在走"}
STATUS = {"confirmed": "已确认", "pending": "待确认", "comparator": "外地参考，待确认"}
KINDS = {"working_days": "个工作日", "days": "天", "hours": "小时", "office_minutes": "分钟（办公时间）"}
WHOM = {"officer": "经办", "head": "负责人", "district": "区民政"}
ASIDE = ("opened", "reminded")  # stand elsewhere on the page


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)]) + "\n"


def day_of(day: date) -> str:
    """10月8日."""
    return f"{day.month}月{day.day}日"


def lasted(time: timedelta) -> str:
    """27小时35分."""
    minutes = int(time.total_seconds()) // 60
    return f"{minutes // 60}小时{minutes % 60:02d}分"


class Page:
    """The page of one week."""

    def __init__(self, town: Town) -> None:
        parts = town.stage.parts
        self.town, self.story, self.lifecycle, self.know = town, town.story, parts.lifecycle, parts.knowledge
        self.plan = self.know.clockwork.plan
        with parts.database.begin() as session:
            self.people = {row.id: row.name for row in session.execute(sa.select(Staff)).scalars()}
            tickets = {row.number: row for row in session.execute(sa.select(Ticket)).scalars()}
            self.tickets = {case: tickets[number] for case, number in town.numbers.items()}
            self.events = list(session.execute(sa.select(TicketEvent).order_by(TicketEvent.at, TicketEvent.id)).scalars())
            self.clocks = list(session.execute(sa.select(TicketClock).order_by(TicketClock.ticket_id, TicketClock.id)).scalars())
            self.aids = list(session.execute(sa.select(Aid).order_by(Aid.given_at)).scalars())
            self.notices = session.execute(
                sa.select(Notice.recipient, Notice.kind, Notice.state, Notice.created_at, TicketEvent.ticket_id)
                .join(TicketEvent, TicketEvent.id == Notice.event_id)).all()
        self.cases = {row.id: self.story.cases[case] for case, row in self.tickets.items()}
        self.titles = {command.event: command.title for command in self.lifecycle.commands.values()}

    def text(self) -> str:
        """The whole page."""
        days, cast = self.story.days, self.story.cast
        head = HEAD.format(unit=cast["unit_name"], first=f"2026年{day_of(days[0].day)}", last=day_of(days[-2].day), limit=cast["limit"])
        parts = [head, self._glance(), self._aid(), self._late(), self._days(), self._tickets(), self._clocks(), self._figures()]
        return "\n".join(parts) + FOOT

    # --- parts --------------------------------------------------------------------------------------------------------

    def _glance(self) -> str:
        first = self.story.days[0].at.replace(hour=0, minute=0)
        came = sum(case.at >= first for case in self.story.cases.values())
        ended = Counter(self.lifecycle.states[row.state].title for row in self.tickets.values() if row.closed_at is not None)
        open_ = [row for row in self.tickets.values() if row.closed_at is None]
        in_hand = sum(row.accepted_by is not None for row in open_)
        end = self.story.days[-1].at
        late = sum(row.stopped_at is None and row.due_at < end for row in self.clocks)
        clocks = Counter(self._how(row) for row in self.clocks)
        told = Counter(row.state for row in self.notices if row.recipient == "resident")
        unit = self.story.cast["unit"]
        reminded = Counter(row.recipient for row in self.notices if row.kind.startswith("clock_") and row.created_at >= first)
        states = "、".join(f"{title}{count}" for title, count in sorted(ended.items(), key=lambda one: (-one[1], one[0])))
        return "## 一眼看完\n\n" + table(("", ""), [
            ("工单", f"三十张：以前来的{len(self.cases) - came}张，本周来的{came}张"),
            ("一周下来", f"结束{sum(ended.values())}张（{states}），还在办{len(open_)}张，{in_hand}张有人经手"),
            ("时限", f"一共{sum(clocks.values())}个：按时{clocks['kept']}，超时{clocks['missed']}，还在走{clocks['runs']}，其中超期{late}"),
            ("先行救助", f"{len(self.aids)}次，最快{lasted(min(self._waits()))}，最慢{lasted(max(self._waits()))}"),
            ("告诉求助人", f"{told['posted']}条，每件事一条；静默办理的{told['silent']}条没有发"),
            ("时限提醒（本周）", f"经办{reminded[f'unit:{unit}']}条，负责人{reminded[f'head:{unit}']}条，区民政{reminded['district']}条"),
        ])

    def _waits(self) -> list[timedelta]:
        return [aid.given_at - self.cases[aid.ticket_id].at for aid in self.aids]

    def _aid(self) -> str:
        options = next(field for field in self.lifecycle.commands["give_aid"].fields if field.id == "way").options
        rows = []
        for aid, wait in zip(self.aids, self._waits(), strict=True):
            case = self.cases[aid.ticket_id]
            paper = next(row for row in self.clocks if row.ticket_id == aid.ticket_id and row.clock == "paperwork")
            done = f"{HOW[self._how(paper)]}（{shown(paper.stopped_at)}）" if paper.stopped_at else "还没到期"
            rows.append((case.id, case.title, shown(case.at), shown(aid.given_at), lasted(wait),
                         "是" if wait <= timedelta(hours=AID_HOURS) else "**否**", f"{options[aid.form]}{aid.amount.normalize():f}元",
                         f"{self.people[aid.handler]}、{self.people[aid.second]}", shown(paper.due_at), done))
        return ("## 从求助到救助\n\n先救人，再补手续；每一笔都有两个人签字。手续晚了只会催，给了的不收回。\n\n"
                + table(("", "事情", "求助", "救助", "用时", "24小时内", "给了什么", "谁给、谁确认", "手续到期", "手续"), rows))

    def _late(self) -> str:
        rows = []
        for row in self.clocks:
            if self._how(row) == "missed":
                case = self.cases[row.ticket_id]
                climbed = [f"{shown(event.at)} {self._whom(event.data['to'])}" for event in self.events
                           if self._same(event, row)]
                rows.append((case.id, case.title, self.plan.clocks[row.clock].title, shown(row.due_at), shown(row.stopped_at),
                             case.late[row.clock], "<br>".join(dict.fromkeys(climbed))))
        return ("## 超时的，和为什么\n\n提醒一级一级往上走：经办 → 负责人 → 区民政。\n\n"
                + table(("", "事情", "时限", "到期", "办到", "为什么", "什么时候提醒了谁"), rows))

    @staticmethod
    def _same(event: Any, row: Any) -> bool:
        """Whether this is a reminder of that clock."""
        return (event.ticket_id == row.ticket_id and event.kind == "reminded" and event.data["clock"] == row.clock
                and datetime.fromisoformat(event.data["due"]) == row.due_at)

    def _whom(self, to: Iterable[str]) -> str:
        unit, units = self.story.cast["unit"], self.know.gazetteer.units
        found = []
        for one in sorted(to, key=lambda name: ("unit", "head", "district").index(name.partition(":")[0])):
            rank, _, where = one.partition(":")
            name = {"unit": "经办", "head": "负责人", "district": "区民政"}[rank]
            found.append(name if where in ("", unit) else f"{units[where].name}{name}")
        return "、".join(found)

    def _days(self) -> str:
        return "## 一天一天\n\n" + "\n".join(self._day(day, at) for at, day in enumerate(self.story.days))

    def _day(self, day: Day, place: int) -> str:
        seen = self.town.mornings[day.day.isoformat()]
        reminded = "，".join(f"{self._ranked(rank)}{count}条" for rank, count in sorted(
            seen.reminders.items(), key=lambda one: (list(WHOM).index(one[0]) if one[0] in WHOM else 9, one[0])))
        lines = [
            f"### {day_of(day.day)}，{day.name}", "",
            f"**早上9:05。** 在办{seen.open}张：{self._hands(seen.hands)}。",
            f"今天到期：{self._named(seen.due)}。已超期：{self._named(seen.overdue)}。",
            f"卡住的：{self._stuck(seen.stuck)}。" + (f"上次看过以后的提醒：{reminded}。" if reminded else ""), ""]
        if place == len(self.story.days) - 1:
            return "\n".join(lines)
        came = [case for case in self.story.cases.values() if case.at.date() == day.day]
        if came:
            lines += ["来了：", "", *(f"- **{case.id}** {shown(case.at)[6:]} {case.title}（{self._source(case)}）" for case in came), ""]
        done = [line for case in self.story.cases.values() if (line := self._done(case, day.day))]
        lines += ["办了：", "", *done, ""]
        office = [self._office(deed) for deed in day.deeds]
        if office:
            lines += ["另外：", "", *(f"- {line}" for line in office), ""]
        refused = [(case, step) for case in self.story.cases.values() for step in case.steps if step.refused and step.at.date() == day.day]
        if refused:
            lines += ["系统没有让做：", ""]
            for case, step in sorted(refused, key=lambda one: one[1].at):
                lines.append(f"- **{case.id}** {shown(step.at)[6:]} {self._who(step.who)}想{self._command(step.command)}：“{step.refused}”")
            lines.append("")
        return "\n".join(lines)

    def _hands(self, hands: dict[str, list[str]]) -> str:
        units, found = self.know.gazetteer.units, []
        for who, cases in hands.items():
            name = f"{units[who[5:]].name}待受理" if who.startswith("desk:") else "区民政待指定" if who == "district" else self._who(who)
            found.append(f"{name}{len(cases)}")
        return "、".join(found)

    def _named(self, found: dict[str, list[str]]) -> str:
        return "、".join(f"{case}（{'、'.join(self.plan.clocks[name].title for name in names)}）" for case, names in sorted(found.items())) or "无"

    def _stuck(self, found: dict[str, list[str]]) -> str:
        return "、".join(f"{case}（{'、'.join(STUCK[reason] for reason in reasons)}）" for case, reasons in found.items()) or "无"

    def _ranked(self, rank: str) -> str:
        return WHOM.get(rank) or self._whom([rank])

    def _done(self, case: Case, day: date) -> str:
        ticket = self.tickets[case.id]
        lines = [f"{shown(event.at)[6:]} {self._event(event)}" for event in self.events
                 if event.ticket_id == ticket.id and event.kind not in ASIDE and event.at.astimezone(SHANGHAI).date() == day]
        return f"- **{case.id}** {case.title}：{'；'.join(lines)}" if lines else ""

    def _event(self, event: Any) -> str:
        fields = event.data.get("fields", {})
        more = [f"{fields['amount']['value']}元"] if "amount" in fields else []
        more += [str(fields[name].get("shown") or fields[name]["value"]) for name in ("unit", "until", "department", "granted", "result", "satisfied")
                 if name in fields and fields[name].get("value") is not None]
        if event.kind == "extension_decided":
            more = ["同意" if fields["granted"]["value"] else "不同意"]
        said = f"（{'，'.join(more)}）" if more else ""
        place = event.data.get("in_place_of")
        by = self._actor(event.actor) + (f"（受{place['name']}委托）" if place else "")
        return f"{by}{self.titles.get(event.kind) or self.lifecycle.events[event.kind]}{said}"

    def _actor(self, actor: str) -> str:
        if actor.startswith("staff:"):
            return str(self.people[int(actor[6:])])
        return {"resident": "求助人", "system": "系统：", "bot": "智能助手"}.get(actor, actor)

    def _who(self, login: str) -> str:
        return "求助人" if login == "resident" else str(self.story.cast["staff"][login][0])

    def _command(self, name: str) -> str:
        return str(self.lifecycle.commands[name].title)

    def _office(self, deed: Any) -> str:
        when, who = deed["at"][6:], self._who(deed["who"])
        if "leaves" in deed:
            return f"{when} {who}离岗，手上没办完的交给负责人"
        if "surge" in deed:
            return f"{when} {who}打开“{self.know.intake.causes[deed['surge']].title}”开关到{deed['until'][5:]}（{deed['reason']}）"
        return f"{when} {who}{deed['reason']}，{deed['from_day'][5:]}至{deed['to_day'][5:]}的审批委托给{self._who(deed['to'])}"

    def _source(self, case: Case) -> str:
        name = case.came.get("source") or case.came["door"]
        return str(self.know.intake.sources[name].title)

    def _how(self, row: Any) -> str:
        return "runs" if row.stopped_at is None else "kept" if row.stopped_at <= row.due_at else "missed"

    def _tickets(self) -> str:
        rows = []
        for case in self.story.cases.values():
            ticket = self.tickets[case.id]
            told = Counter(row.state for row in self.notices if row.ticket_id == ticket.id and row.recipient == "resident")
            owner = self.people.get(ticket.accepted_by, "—")
            where = ticket.unit_name if ticket.desk == "unit" else "区民政"
            said = "静默，不发" if told["silent"] else f"{told['posted']}条" if told["posted"] else "没有留网上联系方式" if ticket.contact_id is None else "0条"
            rows.append((case.id, ticket.number, case.title, self._source(case), shown(case.at), self.lifecycle.states[ticket.state].title,
                         f"{where}{'' if owner == '—' else '，' + owner}", said))
        return f"## 三十张工单\n\n{day_of(self.story.days[-1].day)}早上的样子。\n\n" + table(("", "工单号", "事情", "怎么来的", "来时", "现在", "谁负责", "告诉求助人"), rows)

    def _clocks(self) -> str:
        rows = []
        by_ticket: dict[int, list[Any]] = {}
        for row in self.clocks:
            by_ticket.setdefault(row.ticket_id, []).append(row)
        for case in self.story.cases.values():
            for row, counted in zip(by_ticket[self.tickets[case.id].id], case.clocks, strict=True):
                stopped = shown(row.stopped_at) if row.stopped_at is not None else "—"
                rows.append((case.id, self.plan.clocks[row.clock].title, shown(row.started_at), shown(row.due_at), stopped, HOW[self._how(row)],
                             counted.why))
        return ("## 每个时限怎么数的\n\n“怎么数的”是手工数的，写在前；到期和办到是程序记的。\n\n"
                + table(("", "时限", "从", "到期", "办到", "", "怎么数的"), rows))

    def _figures(self) -> str:
        rows, used = [], dict.fromkeys((row.clock, row.rule) for row in sorted(self.clocks, key=lambda row: list(self.plan.clocks).index(row.clock)))
        for clock, rule in used:
            row = next(one for one in self.clocks if (one.clock, one.rule) == (clock, rule))
            figure = self.know.clockwork.figure(rule, row.unit_id, row.started_at)
            rows.append((self.plan.clocks[clock].title, figure.title, f"{figure.count}{KINDS[figure.kind]}", STATUS[figure.status], figure.cite))
        return "## 用的是哪些数\n\n" + table(("时限", "规定", "数", "确认没有", "依据"), rows)


def report(town: Town) -> str:
    """docs/week.md."""
    return Page(town).text()
