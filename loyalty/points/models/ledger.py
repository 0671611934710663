from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar, Self

import pgtrigger
from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.core.money import MoneyField
from customers.models import Order, Retailer
from loyalty.memberships.models import Membership
from loyalty.points.models.granting import Grant
from loyalty.points.models.policy import EarningRule
from loyalty.points.states import State
from loyalty.programs.models import Program, ProgramVersion

STATES = [(state.value, state.value) for state in State]


class Wallet(models.Model):
    """
    A member's points of one kind: a cache of its lots that the ledger keeps and the proof checks.

    Whoever changes what a member has locks its membership first, in id order.
    """

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="wallets", verbose_name=_("member")
    )
    code = models.SlugField(_("code"), db_index=False, default="points")
    available = models.BigIntegerField(_("available"), default=0)
    pending = models.BigIntegerField(_("pending"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    owed = models.BigIntegerField(_("owed"), default=0, help_text=_("What a return could not take back."))
    shortfall = models.BigIntegerField(
        _("shortfall"),
        default=0,
        db_default=0,
        help_text=_("What returns could not take and is not owed: points that come back settle it first."),
    )
    active_since = models.DateTimeField(
        _("active since"), null=True, help_text=_("Since when the member was never idle for so long that points end.")
    )
    idle_until = models.DateTimeField(
        _("expires by inactivity"), null=True, help_text=_("Of the lots that live as long as the member is active.")
    )

    class Meta:
        verbose_name = _("wallet")
        verbose_name_plural = _("wallets")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "code"], name="wallet_once_per_code"),
            models.CheckConstraint(condition=models.Q(available__gte=0), name="wallet_available_never_negative"),
            models.CheckConstraint(condition=models.Q(pending__gte=0), name="wallet_pending_never_negative"),
            models.CheckConstraint(condition=models.Q(held__gte=0), name="wallet_held_never_negative"),
            models.CheckConstraint(condition=models.Q(owed__gte=0), name="wallet_owed_never_negative"),
            models.CheckConstraint(condition=models.Q(shortfall__gte=0), name="wallet_shortfall_never_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.available}"

    @property
    def balance(self) -> int:
        """What is available less what is owed."""
        return self.available - self.owed


class Entry(models.Model):
    """One business event on one wallet; its movements are its lines. Never changed, never deleted."""

    class Kind(models.TextChoices):
        EARN = "earn", _("earned")
        ACTIVATE = "activate", _("became active")
        EXPIRE = "expire", _("expired")
        RETURN = "return", _("taken back for a return")
        REPAY = "repay", _("repaid what was owed")
        HOLD = "hold", _("held for a payment")
        REDEEM = "redeem", _("redeemed")
        RELEASE = "release", _("released")
        RESTORE = "restore", _("given back")
        ADJUST = "adjust", _("adjusted by staff")
        TRANSFER = "transfer", _("transferred")
        LEAVE = "leave", _("forfeited on leaving")
        KEEP = "keep", _("kept what was there")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    # Its index is the one by recording below, which begins with it.
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)
    wallet = models.ForeignKey(Wallet, models.PROTECT, db_index=False, related_name="entries", verbose_name=_("wallet"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    cause = models.CharField(_("cause"), max_length=200, help_text=_("What it happened for; once per wallet."))
    order = models.ForeignKey(Order, models.PROTECT, null=True, related_name="entries", verbose_name=_("order"))
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"))
    available_change = models.BigIntegerField(_("change"))
    pending_change = models.BigIntegerField(_("change of pending"))
    owed_change = models.BigIntegerField(_("change of owed"), default=0)
    shortfall_change = models.BigIntegerField(_("change of shortfall"), default=0, db_default=0)
    balance_after = models.BigIntegerField(_("balance after"), help_text=_("Available less owed."))
    explanation = models.JSONField(_("explanation"))
    keeps_until = models.DateTimeField(
        _("keeps points until"),
        null=True,
        help_text=_("Where it is something that the member did: when points end that live as long as it is active."),
    )

    class Meta:
        verbose_name = _("entry")
        verbose_name_plural = _("entries")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "cause"], name="entry_once_per_cause"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["wallet", "-id"], name="entry_newest_first"),
            models.Index(fields=["retailer", "recorded_at"], name="entry_by_recording"),
            models.Index(
                fields=["wallet", "occurred_at"],
                condition=models.Q(keeps_until__isnull=False),
                name="entry_keeps_points",
            ),
            models.Index(
                fields=["wallet"],
                condition=models.Q(kind="transfer", explanation__has_key="debts"),
                name="entry_takes_debts_over",
            ),
        ]
        triggers: ClassVar = append_only("entries")

    def __str__(self) -> str:
        return f"{self.label} · {date_format(timezone.localtime(self.occurred_at))}"

    @property
    def label(self) -> str:
        """What happened, in the reader's language: a correction moves points as a return does, and nothing came back."""
        return label_of(self.kind, self.explanation)


def label_of(kind: str, explanation: Mapping[str, Any]) -> str:
    """Return what an entry tells that happened, in the reader's language."""
    if kind == Entry.Kind.RETURN and "correction" in explanation:
        return str(_("order corrected"))
    if kind == Entry.Kind.RETURN and "grant_back" in explanation:
        return str(_("reward taken back"))
    return str(Entry.Kind(kind).label)


# Whoever writes a lot that was transferred, it leads to the first one, whose order paid for its points.
LEADS_TO_ITS_ORIGIN = """
SELECT coalesce(given.origin_id, given.id) INTO first_lot FROM points_lot given WHERE given.id = NEW.from_lot_id;
IF first_lot IS NULL OR NEW.origin_id <> first_lot THEN
    RAISE EXCEPTION 'pgtrigger: Cannot transfer a lot of another origin';
END IF;
NEW.origin_id = first_lot;
RETURN NEW;
"""


class Lot(models.Model):
    """
    One award of points. Its amount and dates never change; where its points are now is a cache of its movements.

    `expires_at` is the first instant at which they cannot be spent any more. What awaits an event has no `active_at`
    until it happens; what expires on inactivity does so with the span of its member's being active in which it was earned.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    wallet = models.ForeignKey(Wallet, models.PROTECT, related_name="lots", verbose_name=_("wallet"))
    order = models.ForeignKey(
        Order, models.PROTECT, db_index=False, null=True, related_name="lots", verbose_name=_("order")
    )
    version = models.ForeignKey(ProgramVersion, models.PROTECT, related_name="+", verbose_name=_("version"))
    rule = models.ForeignKey(EarningRule, models.PROTECT, null=True, related_name="lots", verbose_name=_("rule"))
    amount = models.BigIntegerField(_("amount"))
    earned_at = models.DateTimeField(_("earned"))
    active_at = models.DateTimeField(_("active from"), null=True)
    expires_at = models.DateTimeField(_("expires"), null=True)
    activation_event = models.SlugField(
        _("activation event"), db_index=False, blank=True, help_text=_("The event of its order that makes it active.")
    )
    expires_on_inactivity = models.BooleanField(_("expires on inactivity"), default=False)
    from_lot = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="+", verbose_name=_("transferred from")
    )
    # The database fills it in, once, by a trigger that also checks it: no constraint besides.
    origin = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_constraint=False,
        db_index=False,
        verbose_name=_("first lot"),
        help_text=_("From which it came by one transfer or several."),
    )
    gift = models.SlugField(
        _("gift of tier"),
        db_index=False,
        blank=True,
        db_default="",
        help_text=_("The tier whose entry gave it, by its code."),
    )
    grant = models.ForeignKey(
        Grant,
        models.PROTECT,
        null=True,
        related_name="lots",
        db_index=False,
        db_constraint=False,  # grants are never deleted, and who writes a lot of one has read it
        verbose_name=_("grant"),
        help_text=_("What gave it where no order did, such as a referral’s reward."),
    )
    dated_at = models.DateTimeField(
        _("dated"), null=True, help_text=_("When it was recorded that the event happened that it awaited.")
    )
    is_lent = models.BooleanField(
        _("lent"),
        default=False,
        db_default=False,
        help_text=_("By its household, for one payment; it goes back with it."),
    )
    pending = models.BigIntegerField(_("pending"), default=0)
    available = models.BigIntegerField(_("available"), default=0)
    held = models.BigIntegerField(_("held"), default=0)
    claimed = models.BigIntegerField(
        _("claimed"), default=0, db_default=0, help_text=_("Of what is held: goes to a return when the hold ends.")
    )

    class Meta:
        verbose_name = _("lot")
        verbose_name_plural = _("lots")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="lot_amount_positive"),
            models.CheckConstraint(condition=models.Q(pending__gte=0), name="lot_pending_never_negative"),
            models.CheckConstraint(condition=models.Q(available__gte=0), name="lot_available_never_negative"),
            models.CheckConstraint(condition=models.Q(held__gte=0), name="lot_held_never_negative"),
            models.CheckConstraint(condition=models.Q(claimed__gte=0), name="lot_claimed_never_negative"),
            models.CheckConstraint(
                condition=models.Q(amount__gte=models.F("pending") + models.F("available") + models.F("held")),
                name="lot_open_points_within_amount",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__isnull=True) | models.Q(expires_at__gt=models.F("active_at")),
                name="lot_expires_after_activation",
            ),
            models.CheckConstraint(
                condition=models.Q(active_at__isnull=False) | ~models.Q(activation_event=""),
                name="lot_without_a_date_awaits_an_event",
            ),
            models.CheckConstraint(
                condition=models.Q(active_at__isnull=False) | models.Q(available=0, held=0),
                name="lot_that_awaits_is_pending",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["wallet", "expires_on_inactivity", "expires_at", "earned_at"],
                include=["available"],  # so that a balance is read of it alone
                condition=models.Q(available__gt=0) | models.Q(pending__gt=0) | models.Q(held__gt=0),
                name="lot_with_points_in_order",
            ),
            models.Index(fields=["wallet"], condition=~models.Q(gift=""), name="lot_gift"),
            models.Index(fields=["gift"], condition=models.Q(activation_event="approved"), name="lot_of_approval"),
            models.Index(fields=["grant"], condition=models.Q(grant__isnull=False), name="lot_of_grant"),
            models.Index(fields=["active_at"], condition=models.Q(pending__gt=0), name="lot_to_activate"),
            models.Index(
                fields=["expires_at"],
                condition=models.Q(available__gt=0, expires_at__isnull=False),
                name="lot_to_expire",
            ),
            models.Index(fields=["order"], name="lot_by_order"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="lots_are_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="lots_lead_to_their_origin",
                operation=pgtrigger.Insert,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(new__from_lot__isnull=False) | pgtrigger.Q(new__origin__isnull=False),
                declare=[("first_lot", "uuid")],
                func=LEADS_TO_ITS_ORIGIN,
            ),
            pgtrigger.Trigger(
                name="lots_keep_their_terms",
                operation=pgtrigger.UpdateOf(  # type: ignore[no-untyped-call] # the package types it not
                    *("retailer_id", "wallet_id", "order_id", "version_id", "rule_id", "from_lot_id", "origin_id"),
                    *("amount", "earned_at", "activation_event", "expires_on_inactivity", "is_lent", "grant_id"),
                ),
                when=pgtrigger.Before,
                func="RAISE EXCEPTION 'pgtrigger: Cannot change the terms of a lot';",
            ),
            pgtrigger.Trigger(
                name="lots_get_their_dates_once",
                operation=pgtrigger.UpdateOf("active_at", "expires_at"),  # type: ignore[no-untyped-call] # the package types it not
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__active_at__isnull=False),
                func="RAISE EXCEPTION 'pgtrigger: Cannot change the terms of a lot';",
            ),
            pgtrigger.Trigger(
                name="lots_never_truncated",
                operation=pgtrigger.Truncate,
                when=pgtrigger.Before,
                level=pgtrigger.Statement,
                func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.amount}"


class QualifyingDay(models.Model):
    """
    What a wallet earned on one day of the program's zone, net of what came back since: limits and tiers count it.

    What its member spent stands with the wallet that every program has.
    """

    wallet = models.ForeignKey(Wallet, models.PROTECT, db_index=False, related_name="+", verbose_name=_("wallet"))
    on_date = models.DateField(_("day"))
    spend = MoneyField(_("spent"))
    points = models.BigIntegerField(_("earned"))
    orders = models.IntegerField(_("orders"), default=0, db_default=0)
    visits = models.IntegerField(_("visits"), default=0, db_default=0)

    class Meta:
        verbose_name = _("qualifying day")
        verbose_name_plural = _("qualifying days")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "on_date"], name="qualifying_day_once_per_day"),
        ]

    def __str__(self) -> str:
        return f"{self.on_date}"


class Movement(models.Model):
    """Some points of a lot going from one state to the next. Never changed, never deleted."""

    # Without a constraint of its own: its entry has one, and a movement is written with every point that moves.
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_constraint=False, db_index=False
    )
    entry = models.ForeignKey(Entry, models.PROTECT, related_name="movements", verbose_name=_("entry"))
    lot = models.ForeignKey(Lot, models.PROTECT, related_name="movements", verbose_name=_("lot"))
    from_state = models.CharField(_("from"), max_length=12, choices=STATES)
    to_state = models.CharField(_("to"), max_length=12, choices=STATES)
    amount = models.BigIntegerField(_("amount"))

    class Meta:
        verbose_name = _("movement")
        verbose_name_plural = _("movements")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(amount__gt=0), name="movement_amount_positive"),
            models.CheckConstraint(
                condition=~models.Q(from_state=models.F("to_state")), name="movement_goes_somewhere"
            ),
            models.CheckConstraint(condition=~models.Q(to_state="issued"), name="movement_never_back_to_issued"),
            models.CheckConstraint(
                condition=models.Q(from_state__in=[state.value for state in State])
                & models.Q(to_state__in=[state.value for state in State]),
                name="movement_between_known_states",
            ),
        ]
        triggers: ClassVar = append_only("movements")

    def __str__(self) -> str:
        return f"{self.from_state} → {self.to_state}: {self.amount}"


class HoldQuerySet(models.QuerySet["Hold"]):
    """Holds, and what they are at an instant."""

    def standing(self, status: str, *, at: datetime) -> Self:
        """Return those that have a status at an instant from now on: see `Hold.status_at`."""
        is_over = models.Q(status=Hold.Status.OPEN, times_out_at__lte=at)
        if status == Hold.Status.TIMED_OUT:
            return self.filter(models.Q(status=status) | is_over)
        return self.filter(status=status).exclude(is_over)


class Hold(models.Model):
    """Points set aside for a till or checkout: confirmed (also in part), released or timed out, whichever comes first."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CONFIRMED = "confirmed", _("confirmed")
        RELEASED = "released", _("released")
        TIMED_OUT = "timed_out", _("timed out")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    wallet = models.ForeignKey(Wallet, models.PROTECT, db_index=False, related_name="holds", verbose_name=_("wallet"))
    reference = models.CharField(_("reference"), max_length=80, help_text=_("The caller's own; once per member."))
    points = models.BigIntegerField(_("points"))
    redeemed = models.BigIntegerField(_("redeemed"), default=0)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    held_at = models.DateTimeField(_("held"))
    times_out_at = models.DateTimeField(_("times out"))
    ended_at = models.DateTimeField(_("ended"), null=True)

    objects: ClassVar[HoldQuerySet] = HoldQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("hold")
        verbose_name_plural = _("holds")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["wallet", "reference"], name="hold_once_per_reference"),
            models.CheckConstraint(condition=models.Q(points__gt=0), name="hold_points_positive"),
            models.CheckConstraint(
                condition=models.Q(redeemed__gte=0, redeemed__lte=models.F("points")), name="hold_redeems_what_it_holds"
            ),
            models.CheckConstraint(
                condition=models.Q(status="open", ended_at__isnull=True)
                | (~models.Q(status="open") & models.Q(ended_at__isnull=False)),
                name="hold_ends_once",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["times_out_at"], condition=models.Q(status="open"), name="hold_to_time_out"),
        ]

    def __str__(self) -> str:
        return self.reference

    def status_at(self, instant: datetime) -> Status:
        """Return what it is at an instant from now on: past its time it is over, whether or not that was carried out."""
        is_over = self.status == self.Status.OPEN and self.times_out_at <= instant
        return self.Status.TIMED_OUT if is_over else self.Status(self.status)

    def ended_by(self, instant: datetime) -> datetime | None:
        """Return when it ended, as far as it has at an instant from now on; None for one that is open."""
        return self.times_out_at if self.status_at(instant) != self.status else self.ended_at


class MovedLot(models.Model):
    """
    That another lot has the points of a lot since a correction moved its order to another instant.

    A lot's terms never change. So what was held, spent or lent of it is of a new one, and what comes back comes back to that.
    """

    lot = models.OneToOneField(Lot, models.PROTECT, primary_key=True, related_name="+", verbose_name=_("lot"))
    # The one that has them now: a lot that moves again takes with it those that had moved to it.
    to_lot = models.ForeignKey(Lot, models.PROTECT, related_name="+", verbose_name=_("moved to"))
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)

    class Meta:
        verbose_name = _("moved lot")
        verbose_name_plural = _("moved lots")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(lot=models.F("to_lot")), name="moved_lot_never_to_itself"),
        ]

    def __str__(self) -> str:
        return str(self.lot_id)


class Disproof(models.Model):
    """
    That what an entry says its member did never was: a correction moved the order to another customer or instant, let it earn
    nothing any more, or took back the gift or the award for which the entry gave something.

    Entries never change. So points that live as long as their member is active do not live by this one any more.
    """

    entry = models.OneToOneField(Entry, models.PROTECT, primary_key=True, related_name="+", verbose_name=_("entry"))
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)
    cause = models.CharField(_("cause"), max_length=200, help_text=_("The correction that says so."))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("disproved activity")
        verbose_name_plural = _("disproved activities")
        triggers: ClassVar = append_only("disproofs")

    def __str__(self) -> str:
        return self.cause


class SpendingReference(models.Model):
    """The caller's own name of a redemption or hold: one reference is one request of a member, whatever its wallet."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)
    membership = models.ForeignKey(
        Membership, models.PROTECT, related_name="spending_references", verbose_name=_("member"), db_index=False
    )
    # Of the caller's 80 characters, and of the numbers of members who were merged and had used the same.
    reference = models.CharField(_("reference"), max_length=190)
    points = models.BigIntegerField(_("points"))

    class Meta:
        verbose_name = _("reference of a redemption")
        verbose_name_plural = _("references of redemptions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "reference"], name="spending_reference_once_per_member"),
        ]

    def __str__(self) -> str:
        return self.reference


class BudgetShare(models.Model):
    """
    A share of what a program's members may be given in a period: sixteen of them, so that orders do not queue for one.

    What a return takes back goes to any of them, so that one alone may have used less than nothing.
    """

    program = models.ForeignKey(Program, models.CASCADE, db_index=False, related_name="+", verbose_name=_("program"))
    wallet = models.SlugField(_("wallet"), db_index=False)
    starts_on = models.DateField(_("from"))
    share = models.PositiveSmallIntegerField(_("share"))
    granted = models.BigIntegerField(_("granted"))
    used = models.BigIntegerField(_("used"), default=0)

    class Meta:
        verbose_name = _("share of a budget")
        verbose_name_plural = _("shares of a budget")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "wallet", "starts_on", "share"], name="budget_share_once"),
            models.CheckConstraint(condition=models.Q(used__lte=models.F("granted")), name="budget_never_exceeded"),
        ]

    def __str__(self) -> str:
        return f"{self.wallet} {self.starts_on}: {self.used} / {self.granted}"
