"""What an offer's document may say, and what is wrong with one: how it is written, and what it names."""

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from customers.core.calendar import FIRST_YEAR, LAST_YEAR
from customers.core.money import decimals_of, to_unit
from customers.models import Retailer
from loyalty.campaigns.document_parts import CODE, an_object
from loyalty.campaigns.models import Offer
from loyalty.campaigns.models.campaign import MAX_PRIORITY
from loyalty.campaigns.offering.managing import unknown_tiers
from loyalty.campaigns.rules.revisions import PATTERN
from loyalty.configuration.document import schema_findings
from loyalty.configuration.findings import Finding
from loyalty.engine.profile import SEGMENTS
from loyalty.experiments.models import Experiment
from loyalty.programs.models import Program

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
                "revision": {
                    "type": "string", "pattern": PATTERN, "maxLength": 1_000,
                    "description": "Of what was written out: where that has changed since, this document is not applied. "
                    "Leave it out to replace whatever there is.",
                },
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
        if said.get(name) is not None and day_of(said[name]) is None:
            words = _("“%(text)s” is no day such as 2027-01-31.")
            yield Finding.error("no_day", name, words % {"text": said[name]})
    first, last = (day_of(said.get(name)) for name in ("first_day", "last_day"))
    if first and last and last < first:
        yield Finding.error("ends_first", "last_day", _("It ends before it begins."))


def day_of(text: str | None) -> date | None:
    """Return the day that a document says; None where it says none that calendars know."""
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
    known = [] if code is None else list(hold_outs(program).order_by("code").values_list("code", flat=True))
    if code is not None and code not in known:
        words = _("There is no experiment “%(code)s” of variants of this program. There are: %(known)s.")
        yield Finding.error("unknown_experiment", "hold_out", words % {"code": code, "known": ", ".join(known) or "-"})


def hold_outs(program: Program) -> QuerySet[Experiment]:
    """Return the experiments of a program that can hold members out of an offer."""
    return Experiment.objects.filter(retailer=program.retailer_id, program=program, form=Experiment.Form.VARIANTS)
