"""Every table of both sides, one file per noun. Importing this package declares them all."""

from actions.storage.tables.aid import Aid
from actions.storage.tables.approval import Approval, Meeting
from actions.storage.tables.attachment import Attachment
from actions.storage.tables.audit import Audit, AuditHead
from actions.storage.tables.authorisation import Authorisation, AuthorisationMember, CheckResult
from actions.storage.tables.call_back import CallBack, CallBackTry
from actions.storage.tables.consent import Consent
from actions.storage.tables.contact import Contact, Person
from actions.storage.tables.conversation import Conversation
from actions.storage.tables.danger_call import DangerCall
from actions.storage.tables.delegation import Delegation
from actions.storage.tables.delivery import Delivery
from actions.storage.tables.intake import ApiKey, Intake, Surge
from actions.storage.tables.key_check import KeyCheck
from actions.storage.tables.link import Link
from actions.storage.tables.message import Draft, Message, TurnAttempt
from actions.storage.tables.notice import Notice
from actions.storage.tables.place import PlaceAlias, PlaceRuling
from actions.storage.tables.progress_try import ProgressTry
from actions.storage.tables.question import OpenQuestion
from actions.storage.tables.record import RouteRecord, ScreeningRecord
from actions.storage.tables.relative import Relative
from actions.storage.tables.staff import Staff, StaffSession
from actions.storage.tables.subticket import SharingConsent, Subticket, SubticketEvent
from actions.storage.tables.ticket import Ticket, TicketEvent
from actions.storage.tables.ticket_clock import TicketClock
from actions.storage.tables.ticket_file import TicketFile
from actions.storage.tables.ticket_person import ContactJoin, TicketPerson
from actions.storage.tables.timer import Timer

__all__ = [
    "Aid",
    "ApiKey",
    "Approval",
    "Attachment",
    "Audit",
    "AuditHead",
    "Authorisation",
    "AuthorisationMember",
    "CallBack",
    "CallBackTry",
    "CheckResult",
    "Consent",
    "Contact",
    "ContactJoin",
    "Conversation",
    "DangerCall",
    "Delegation",
    "Delivery",
    "Draft",
    "Intake",
    "KeyCheck",
    "Link",
    "Meeting",
    "Message",
    "Notice",
    "OpenQuestion",
    "Person",
    "PlaceAlias",
    "PlaceRuling",
    "ProgressTry",
    "Relative",
    "RouteRecord",
    "ScreeningRecord",
    "SharingConsent",
    "Staff",
    "StaffSession",
    "Subticket",
    "SubticketEvent",
    "Surge",
    "Ticket",
    "TicketClock",
    "TicketEvent",
    "TicketFile",
    "TicketPerson",
    "Timer",
    "TurnAttempt",
]
