"""Versions from draft to publication: a program version as one whole, over all apps whose rows belong to it."""

from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import models, transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.points.ledger import MAIN, open_missing_wallets
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.programs.models import Program, ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy

# What belongs to a version and is copied with it.
PARTS: tuple[type[models.Model], ...] = (PointsPolicy, EarningGroup, EarningRule, TierPolicy, Tier)


class NotADraft(DomainError):
    code = "not_a_draft"
    kind = Kind.CONFLICT
    message = _("Version {number} is published and cannot be changed. Open a new draft from it.")


class InThePast(DomainError):
    code = "in_the_past"
    kind = Kind.INVALID
    message = _(
        "A version of a program that runs cannot come into force in the past ({instant}): what was decided stays decided."
    )


class NotAfterLatest(DomainError):
    code = "not_after_latest"
    kind = Kind.CONFLICT
    message = _("Version {number} is in force from {instant} already. Choose a later instant.")


class NothingToEarn(DomainError):
    code = "nothing_to_earn"
    kind = Kind.INVALID
    message = _("The version has no earning rule. Add at least one.")


class MultiplierFalls(DomainError):
    code = "multiplier_falls"
    kind = Kind.INVALID
    message = _(
        "Tier “{higher}” has a smaller multiplier ({smaller}) than “{lower}” below it ({larger}). "
        "Raise it, or swap their thresholds."
    )


class NoMainWallet(DomainError):
    code = "no_main_wallet"
    kind = Kind.INVALID
    message = _("The version has no wallet “{wallet}”. Every program has it: add its points policy.")


class UnknownWallet(DomainError):
    code = "unknown_wallet"
    kind = Kind.INVALID
    message = _("“{what}” names the wallet “{wallet}”, which the version does not have. Add its points policy.")


@transaction.atomic
def create_program(retailer: Retailer, *, slug: str, name: str, zone: str = "") -> ProgramVersion:
    """Create a program in the retailer's zone, and return its first draft, which is empty."""
    program = Program.objects.create(retailer=retailer, slug=slug, name=name, zone=zone or retailer.zone)
    return open_draft(program)


@transaction.atomic
def open_draft(program: Program, *, copy_of: ProgramVersion | None = None, note: str = "") -> ProgramVersion:
    """
    Open a draft.

    :param copy_of: the version whose rows it starts with; the program's latest one if None, an empty one if there is none
    """
    Program.objects.select_for_update().get(pk=program.pk)
    latest = program.versions.order_by("-number").first()
    source = copy_of or latest
    draft = ProgramVersion.objects.create(program=program, number=latest.number + 1 if latest else 1, note=note)
    for part in PARTS:
        _copy(part, source, draft)
    return draft


@transaction.atomic
def publish(
    version: ProgramVersion, *, effective_from: datetime, by: AbstractBaseUser | None = None, now: datetime
) -> ProgramVersion:
    """
    Freeze a draft; it is in force from an instant on.

    :param effective_from: not in the past, but for a program's first version, which may cover a past to be imported
    :raises NotADraft: when it is published already
    :raises InThePast: when it would decide anew what was decided
    :raises NotAfterLatest: when a later version is published already
    :raises NothingToEarn: when it has no earning rule
    :raises MultiplierFalls: when a higher tier earns less than a lower one
    :raises UnknownWallet: when a rule or the tiers name a wallet that it does not have
    """
    program = Program.objects.select_for_update().get(pk=version.program_id)
    version = ProgramVersion.objects.select_for_update().get(pk=version.pk)
    require_draft(version)
    _require_later(version, effective_from, now)
    check(version)
    version.status = ProgramVersion.Status.PUBLISHED
    version.effective_from, version.published_at = effective_from, now
    version.published_by = by  # type: ignore[assignment] # the project's user model is Django's own
    version.save(update_fields=["status", "effective_from", "published_at", "published_by"])
    open_missing_wallets(program.pk, PointsPolicy.objects.filter(version=version).values_list("code", flat=True))
    program.timeline = new_id()
    program.save(update_fields=["timeline"])
    return version


def check(version: ProgramVersion) -> None:
    """Refuse a version that nobody can want, in words that say what to do."""
    rules = list(EarningRule.objects.filter(version=version).order_by("code"))
    if not rules:
        raise NothingToEarn
    _check_wallets(version, rules)
    ladder: Sequence[Tier] = list(Tier.objects.filter(version=version).order_by("rank"))
    for lower, higher in pairwise(ladder):
        if higher.multiplier < lower.multiplier:
            raise MultiplierFalls(
                higher=str(higher), smaller=higher.multiplier, lower=str(lower), larger=lower.multiplier
            )


def _check_wallets(version: ProgramVersion, rules: Sequence[EarningRule]) -> None:
    wallets = set(PointsPolicy.objects.filter(version=version).values_list("code", flat=True))
    if MAIN not in wallets:
        raise NoMainWallet(wallet=MAIN)
    for rule in rules:
        if rule.wallet not in wallets:
            raise UnknownWallet(what=str(rule), wallet=rule.wallet)
    tiers = TierPolicy.objects.filter(version=version).first()
    if (
        tiers is not None
        and tiers.basis in {TierPolicy.Basis.POINTS, TierPolicy.Basis.BALANCE}
        and tiers.wallet not in wallets
    ):
        raise UnknownWallet(what=str(tiers), wallet=tiers.wallet)


def require_draft(version: ProgramVersion) -> None:
    """Refuse to change what is published."""
    if not version.is_draft:
        raise NotADraft(number=version.number)


def _require_later(version: ProgramVersion, effective_from: datetime, now: datetime) -> None:
    published = ProgramVersion.objects.filter(program=version.program_id, status=ProgramVersion.Status.PUBLISHED)
    latest = published.order_by("-effective_from").first()
    if latest is None or latest.effective_from is None:
        return
    if effective_from < now:
        raise InThePast(instant=effective_from.isoformat())
    if effective_from <= latest.effective_from:
        raise NotAfterLatest(number=latest.number, instant=latest.effective_from.isoformat())


def _copy(part: type[models.Model], source: ProgramVersion | None, draft: ProgramVersion) -> None:
    rows: list[Any] = list(part._default_manager.filter(version=source)) if source else []
    if not rows and part in {PointsPolicy, TierPolicy}:
        rows = [part()]
    for row in rows:
        row.pk = None
        row._state.adding = True
        row.version = draft
        row.save()
