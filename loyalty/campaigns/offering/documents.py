"""An offer as one document: written out, checked, compared and applied. The round trip is exact."""

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.core.calendar import FIRST_YEAR, LAST_YEAR
from customers.core.money import decimals_of, to_unit
from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.document_parts import CODE, Document, an_object, differences
from loyalty.campaigns.models import Offer
from loyalty.campaigns.models.campaign import MAX_PRIORITY
from loyalty.campaigns.offering.managing import (
    BudgetTooSmall,
    draw_up,
    flaws_of,
    locked,
    rewards_of,
    set_budget,
    unknown_tiers,
)
from loyalty.configuration.document import Change, InvalidDocument, schema_findings
from loyalty.configuration.findings import Finding
from loyalty.engine.profile import SEGMENTS
from loyalty.experiments.models import Experiment
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward

FORMAT = 1
SCHEMA_ID = "urn:loyalty:offer:1"
MAX_REWARDS, MAX_NAMES = 10, 100
MAX_AMOUNT = 10**12 - 1

MONEY: dict[str, Any] = {
    "type": ["string", "integer"],
    "pattern": r"^(0|[1-9][0-9]{0,11})(\.[0-9]{1,4})?$(?!\n)",
    "minimum": 0,
    "maximum": MAX_AMOUNT,
    "description": "In the currency, such as '12.50'.",
}
DAY: dict[str, Any] = {
    "type": ["string", "null"],
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$(?!\n)",
    "description": "Such as 2027-01-31.",
    "default": None,
}
DECILE: dict[str, Any] = {"type": ["integer", "null"], "minimum": 1, "maximum": 10, "default": None}


def _several(items: Mapping[str, Any]) -> dict[str, Any]:
    return {"type": "array", "items": dict(items), "maxItems": MAX_NAMES, "uniqueItems": True, "default": []}


TEXT: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 100, "pattern": r"\S"}
# What stands in the row, but for its budget, its money, its days and the offer that others get.
OF_ROW: Mapping[str, dict[str, Any]] = {
    "name": TEXT,
    "name_fr": {"type": "string", "maxLength": 100, "default": ""},
    "rewards": {"type": "array", "items": CODE, "minItems": 1, "maxItems": MAX_REWARDS, "uniqueItems": True},
    "valid_days": {"type": "integer", "minimum": 1, "maximum": 400, "default": 14},
    "again_after_days": {"type": ["integer", "null"], "minimum": 0, "maximum": 32_767, "default": None},
    "slot": {"type": "string", "pattern": r"^[-a-zA-Z0-9_]*$(?!\n)", "maxLength": 50, "default": ""},
    "priority": {"type": "integer", "minimum": 0, "maximum": MAX_PRIORITY, "default": 10},
    "tiers": _several(CODE),
    "segments": _several({"enum": list(SEGMENTS)}),
    "value_from": DECILE,
    "value_to": DECILE,
    "categories": _several(TEXT),
    "brands": _several(TEXT),
    "excluded": _several({"enum": list(SEGMENTS)}),
}
AT_MOST = {"anyOf": [MONEY, {"type": "null"}], "default": None}
HOLD_OUT = {
    "anyOf": [CODE, {"type": "null"}],
    "default": None,
    "description": "The experiment whose control does not get it.",
}
INSTEAD = {"anyOf": [CODE, {"type": "null"}], "default": None, "description": "What the excluded get: an offer's code."}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of an offer's document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        "title": "An offer",
        **an_object(
            {
                "offer": {"const": FORMAT, "description": "The format of this document."},
                "program": CODE | {"description": "The slug of a program that there is."},
                "code": CODE,
                "currency": {"type": "string", "maxLength": 3, "description": "Of its amounts: the retailer's own."},
                "budget": MONEY,
                "at_most": AT_MOST,
                "first_day": DAY,
                "last_day": DAY,
                **OF_ROW,
                "instead": INSTEAD,
                "hold_out": HOLD_OUT,
            },
            "offer", "program", "code", "currency", "name", "rewards", "budget",
        ),
    }  # fmt: skip


def to_document(offer: Offer) -> Document:
    """Return an offer as a document of plain values; what is as usual is left out."""
    usual = {name: said["default"] for name, said in OF_ROW.items() if "default" in said}
    about: Document = {
        "offer": FORMAT, "program": offer.program.slug, "code": offer.code, "name": offer.name, "rewards": offer.rewards,
        "currency": offer.retailer.currency, "budget": _amount(offer.budget.limit),
    }  # fmt: skip
    found = {
        "at_most": None if offer.at_most is None else _amount(offer.at_most),
        "first_day": offer.first_day and offer.first_day.isoformat(),
        "last_day": offer.last_day and offer.last_day.isoformat(),
        **{name: getattr(offer, name) for name in usual},
        "instead": offer.instead and offer.instead.code,
        "hold_out": offer.hold_out and offer.hold_out.code,
    }
    return about | {name: value for name, value in found.items() if value != usual.get(name)}


def _amount(amount: Decimal) -> str:
    """Return an amount without the zeros that its column may have behind it."""
    whole, _point, rest = f"{amount:f}".partition(".")
    return f"{whole}.{rest.rstrip('0')}".rstrip(".")


def check_document(said: Any, retailer: Retailer) -> list[Finding]:
    """Return what is wrong with how a document is written, and with what it names; nothing where it can be applied."""
    try:
        return list(_of_numbers(said)) or schema_findings(said, schema()) or [
            *_of_days(said), *_of_money(said, retailer), *_of_deciles(said), *_of_names(said, retailer),
        ]  # fmt: skip
    except RecursionError:
        return [Finding.error("too_deep", "/", _("The document is nested too deep."))]


def _of_numbers(said: Any, place: str = "") -> Iterator[Finding]:
    """Yield the numbers with a point: counts are whole, and amounts are texts, which keep their digits."""
    if isinstance(said, float):
        words = _("“%(number)s” is a number with a point. Write a count without one, and an amount in quotes.")
        yield Finding.error("no_whole_number", place or "/", words % {"number": said})
    parts = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, value in parts:
        yield from _of_numbers(value, f"{place}/{name}" if place else str(name))


def _of_days(said: Mapping[str, Any]) -> Iterator[Finding]:
    for name in ("first_day", "last_day"):
        if said.get(name) is not None and _day(said[name]) is None:
            words = _("“%(text)s” is no day such as 2027-01-31.")
            yield Finding.error("no_day", name, words % {"text": said[name]})
    first, last = (_day(said.get(name)) for name in ("first_day", "last_day"))
    if first and last and last < first:
        yield Finding.error("ends_first", "last_day", _("It ends before it begins."))


def _day(text: str | None) -> date | None:
    try:
        found = date.fromisoformat(text or "")
    except ValueError:
        return None
    return found if FIRST_YEAR < found.year < LAST_YEAR else None


def _of_money(said: Mapping[str, Any], retailer: Retailer) -> Iterator[Finding]:
    own = retailer.currency
    if said["currency"] != own:
        words = _("Its amounts are in “%(currency)s”, the retailer's in %(own)s. Write them in %(own)s.")
        yield Finding.error("other_currency", "currency", words % {"currency": said["currency"], "own": own})
        return
    for name in ("budget", "at_most"):
        if said.get(name) is not None and to_unit(Decimal(said[name]), own) != Decimal(said[name]):
            words = _("“%(amount)s” has more decimals than amounts of %(currency)s have (%(decimals)s).")
            facts = {"amount": said[name], "currency": own, "decimals": decimals_of(own)}
            yield Finding.error("too_many_decimals", name, words % facts)


def _of_deciles(said: Mapping[str, Any]) -> Iterator[Finding]:
    low, high = said.get("value_from"), said.get("value_to")
    if low is not None and high is not None and low > high:
        words = _("No decile is from %(low)s to %(high)s.")
        yield Finding.error("no_decile", "value_to", words % {"low": low, "high": high})


def _of_names(said: Mapping[str, Any], retailer: Retailer) -> Iterator[Finding]:
    programs = list(Program.objects.filter(retailer=retailer).order_by("slug"))
    program = next((each for each in programs if each.slug == said["program"]), None)
    if program is None:
        words = _("There is no program “%(slug)s”. There are: %(known)s.")
        facts = {"slug": said["program"], "known": ", ".join(each.slug for each in programs) or "-"}
        yield Finding.error("unknown_program", "program", words % facts)
        return
    yield from unknown_tiers(program, said.get("tiers", []))
    yield from _of_instead(said, program)
    yield from _of_hold_out(said, program)
    known = Offer.objects.filter(retailer=retailer, code=said["code"]).select_related("program").first()
    if known is not None and known.program_id != program.pk:
        words = _("The offer “%(code)s” is there already with “%(own)s”, which stays. Give this one another code.")
        yield Finding.error("other_offer", "program", words % {"code": known.code, "own": known.program.slug})


def _of_instead(said: Mapping[str, Any], program: Program) -> Iterator[Finding]:
    code = said.get("instead")
    if code is None:
        return
    others = Offer.objects.filter(program=program).exclude(code=said["code"]).order_by("code")
    known = list(others.values_list("code", flat=True))
    if code not in known:
        words = _("There is no other offer “%(code)s” of this program. There are: %(known)s.")
        yield Finding.error("unknown_offer", "instead", words % {"code": code, "known": ", ".join(known) or "-"})
    if not said.get("excluded"):
        yield Finding.error("nobody_excluded", "instead", _("Say who is excluded, and gets another offer instead."))


def _of_hold_out(said: Mapping[str, Any], program: Program) -> Iterator[Finding]:
    code = said.get("hold_out")
    known = [] if code is None else list(_hold_outs(program).order_by("code").values_list("code", flat=True))
    if code is not None and code not in known:
        words = _("There is no experiment “%(code)s” of variants of this program. There are: %(known)s.")
        yield Finding.error("unknown_experiment", "hold_out", words % {"code": code, "known": ", ".join(known) or "-"})


def _hold_outs(program: Program) -> QuerySet[Experiment]:
    return Experiment.objects.filter(retailer=program.retailer_id, program=program, form=Experiment.Form.VARIANTS)


@transaction.atomic
def apply_document(retailer: Retailer, said: Any, *, now: datetime) -> Offer:
    """
    Return the offer that says what a document says: a new draft, the draft with its code, or one that is given, whose budget
    alone can be another.

    :raises InvalidDocument: with all that is wrong with how it is written, and with what can be changed no more
    """
    return _applied(retailer, said, now=now).offer


@dataclass(frozen=True, slots=True)
class Said:
    """
    What a document makes of an offer.

    :param changes: against what was there
    :param findings: what is in the way of starting it
    """

    offer: Offer
    changes: list[Change]
    findings: list[Finding]


@transaction.atomic
def say(retailer: Retailer, said: Any, *, now: datetime) -> Said:
    """
    Write a document's offer down, and return what it changes; whoever only wants to know rolls it back.

    :raises InvalidDocument: as `apply_document`
    """
    return _applied(retailer, said, now=now)


def _applied(retailer: Retailer, said: Any, *, now: datetime) -> Said:
    # One at a time: whether there is an offer with its code is decided behind the retailer's lock.
    Retailer.objects.select_for_update(no_key=True).only("pk").get(pk=retailer.pk)
    if found := check_document(said, retailer):
        raise InvalidDocument(found)
    known = Offer.objects.filter(retailer=retailer, code=said["code"]).first()
    before: Document = {}
    if known is None:
        program = Program.objects.select_related("retailer").get(retailer=retailer, slug=said["program"])
        offer = Offer(retailer=retailer, program=program, code=said["code"])
        _fill(offer, said)
        draw_up(offer, limit=Decimal(said["budget"]), now=now)
    else:
        offer = locked(known)
        before = to_document(offer)
        _change(offer, said, before)
    offer = Offer.objects.select_related("program", "retailer", "budget", "instead", "hold_out").get(pk=offer.pk)
    return Said(offer, differences(before, to_document(offer)), findings_of(offer, now=now))


def _fill(offer: Offer, said: Mapping[str, Any]) -> None:
    for name, asked in OF_ROW.items():
        setattr(offer, name, said.get(name, asked.get("default")))
    offer.at_most = None if said.get("at_most") is None else Decimal(said["at_most"])
    offer.first_day, offer.last_day = _day(said.get("first_day")), _day(said.get("last_day"))
    code = said.get("instead")
    offer.instead = Offer.objects.get(program=offer.program_id, code=code) if code else None
    held = said.get("hold_out")
    offer.hold_out = _hold_outs(offer.program).get(code=held) if held else None


def _change(offer: Offer, said: Mapping[str, Any], before: Document) -> None:
    """Change an offer that there is, as far as its state lets it be changed."""
    _fill(offer, said)
    paths = {change.path for change in differences({**before, "budget": ""}, {**to_document(offer), "budget": ""})}
    limit = Decimal(said["budget"])
    is_other = limit != offer.budget.limit
    if offer.state != Offer.State.DRAFT and paths:
        words = _(
            "This offer is %(state)s: of what is given only the budget can be another. Draw up one with another code."
        )
        facts = {"state": offer.get_state_display()}
        raise InvalidDocument([Finding.error("offer_stays", path, words % facts) for path in sorted(paths)])
    if offer.state not in {Offer.State.DRAFT, Offer.State.LIVE} and is_other:
        words = _("This offer is %(state)s, and its budget stays what it is.")
        raise InvalidDocument([Finding.error("offer_stays", "budget", words % {"state": offer.get_state_display()})])
    if is_other:
        _set_budget(offer, limit)
    if paths:
        offer.save(update_fields=[*OF_ROW, "at_most", "first_day", "last_day", "instead", "hold_out"])


def _set_budget(offer: Offer, limit: Decimal) -> None:
    try:
        set_budget(offer, limit)
    except BudgetTooSmall as refused:
        raise InvalidDocument([Finding.error(refused.code, "budget", str(refused))]) from refused


def check(retailer: Retailer, said: Any, *, now: datetime) -> list[Finding]:
    """Return all that is wrong with a document, and what would be in the way of starting its offer; nothing is kept."""
    with transaction.atomic():
        try:
            found = _applied(retailer, said, now=now).findings
        except InvalidDocument as refused:
            found = refused.findings
        transaction.set_rollback(True)
    return found


@dataclass(frozen=True, slots=True)
class Room:
    """
    How far an offer's budget goes.

    :param reserves: what one that is given reserves at most
    :param times: it can be given with what is free, at least
    """

    reserves: Decimal
    times: int


def room_of(offer: Offer, *, now: datetime) -> Room | None:
    """Return how far an offer's budget goes; None where nobody knows what one costs, or it costs nothing."""
    costs = [
        reward.cost if reward.cost is not None else reward.value if reward.kind == Reward.Kind.AMOUNT_OFF else offer.at_most
        for reward in rewards_of(offer, now=now)
    ]  # fmt: skip
    known = [cost for cost in costs if cost]
    if not known or None in costs:
        return None
    budget, most = offer.budget, max(known)
    return Room(most, int((budget.limit - budget.reserved - budget.spent) // most))


def findings_of(offer: Offer, *, now: datetime) -> list[Finding]:
    """Return what is in the way of starting a draft; nothing is of one that is given already."""
    return list(flaws_of(offer, now=now)) if offer.state == Offer.State.DRAFT else []
