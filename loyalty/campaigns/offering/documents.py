"""An offer as one document: written out, checked, compared and applied. The round trip is exact."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from customers.core.values import dataclass
from customers.models import Retailer
from loyalty.campaigns.document_parts import Document, differences
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.checking import FORMAT, OF_ROW, check_document, day_of, hold_outs
from loyalty.campaigns.offering.managing import BudgetTooSmall, draw_up, flaws_of, locked, rewards_of, set_budget
from loyalty.campaigns.offering.outdated import NoOfferToChange, OfferChangedSince
from loyalty.campaigns.rules.revisions import OF_OFFER, changed_since, revision_of
from loyalty.configuration.document import Change, InvalidDocument
from loyalty.configuration.findings import Finding
from loyalty.programs.models import Program
from loyalty.rewards.models import Reward


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


def written_out(offer: Offer) -> Document:
    """Return an offer as a document with its revision, to be changed and applied."""
    document = to_document(offer)
    first = {name: document[name] for name in ("offer", "program", "code")}
    return {**first, "revision": revision_of(document, OF_OFFER), **document}


def _require_present(said: Mapping[str, Any], before: Document) -> None:
    """
    Refuse a document whose offer was changed since it was written out, by the revision that it says, if any.

    One that says just what there is changes nothing, and is not refused.

    :param before: the offer as it is, locked; empty where there is none
    :raises OfferChangedSince: naming each place that differs
    :raises NoOfferToChange: where the offer is not here
    """
    if "revision" not in said:
        return
    if not before:
        raise NoOfferToChange(code=said["code"])
    if (places := changed_since(said["revision"], before, OF_OFFER)) and _plain_of(said) != before:
        raise OfferChangedSince(before, places)


def _plain_of(said: Mapping[str, Any]) -> Document:
    """Return what a document says but for its revision, written as offers are written out."""
    usual = {name: asked["default"] for name, asked in OF_ROW.items() if "default" in asked}
    found = {name: each for name, each in said.items() if name != "revision" and each != usual.get(name)}
    return found | {name: _amount(Decimal(found[name])) for name in ("budget", "at_most") if name in found}


def _amount(amount: Decimal) -> str:
    """Return an amount without the zeros that its column may have behind it."""
    whole, _point, rest = f"{amount:f}".partition(".")
    return f"{whole}.{rest.rstrip('0')}".rstrip(".")


@transaction.atomic
def apply_document(retailer: Retailer, said: Any, *, now: datetime) -> Offer:
    """
    Return the offer that says what a document says: a new draft, the draft with its code, or one that is given, whose budget
    alone can be another.

    :raises InvalidDocument: with all that is wrong with how it is written, and with what can be changed no more
    :raises OfferChangedSince: where it says of which revision it was made, and that is not the present one
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
        _require_present(said, before)
        program = Program.objects.select_related("retailer").get(retailer=retailer, slug=said["program"])
        offer = Offer(retailer=retailer, program=program, code=said["code"])
        _fill(offer, said)
        draw_up(offer, limit=Decimal(said["budget"]), now=now)
    else:
        offer = locked(known)
        before = to_document(offer)
        _require_present(said, before)
        _change(offer, said, before)
    offer = Offer.objects.select_related("program", "retailer", "budget", "instead", "hold_out").get(pk=offer.pk)
    return Said(offer, differences(before, to_document(offer)), findings_of(offer, now=now))


def _fill(offer: Offer, said: Mapping[str, Any]) -> None:
    for name, asked in OF_ROW.items():
        setattr(offer, name, said.get(name, asked.get("default")))
    offer.at_most = None if said.get("at_most") is None else Decimal(said["at_most"])
    offer.first_day, offer.last_day = day_of(said.get("first_day")), day_of(said.get("last_day"))
    code = said.get("instead")
    offer.instead = Offer.objects.get(program=offer.program_id, code=code) if code else None
    held = said.get("hold_out")
    offer.hold_out = hold_outs(offer.program).get(code=held) if held else None


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
        except (OfferChangedSince, NoOfferToChange) as outdated:
            found = [Finding.error(outdated.code, "revision", str(outdated))]
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
