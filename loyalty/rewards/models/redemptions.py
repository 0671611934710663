from datetime import datetime
from typing import ClassVar, Self

from django.db import models
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.core.money import MoneyField
from customers.models import Retailer
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program, ProgramVersion
from loyalty.rewards.models.catalogue import Reward


def withdrawal(of: str = "") -> models.Case:
    """
    Return when a redeemed reward is taken from whom it waits for, because a version in force has it no more; as a query has it.

    :param of: the path of whatever is asked for to its redemption, such as redemption__; empty of redemptions themselves
    """
    rewards = Reward.objects.filter(
        version=models.OuterRef("pk"), key=models.OuterRef(models.OuterRef(f"{of}reward_key"))
    )
    without = ProgramVersion.objects.filter(
        ~models.Exists(rewards), program=models.OuterRef(f"{of}program"), status="published",
        effective_from__gt=models.OuterRef(f"{of}redeemed_at"),
    )  # fmt: skip
    first = models.Subquery(without.order_by("effective_from").values("effective_from")[:1])
    return models.Case(models.When(**{f"{of}status": "issued", f"{of}reward__on_withdrawal": "give_back"}, then=first))


class RewardRedemptionQuerySet(models.QuerySet["RewardRedemption"]):
    def with_withdrawals(self) -> Self:
        """Return them with when each is taken from whom it waits for, because a version in force has it no more."""
        return self.annotate(withdrawn_at=withdrawal())


class RewardRedemption(models.Model):
    """
    A reward that a member has, from its redemption to its end.

    `withdrawn_at` is known of those that were read with it: nobody tells of one that is withdrawn otherwise.
    """

    class Status(models.TextChoices):
        ISSUED = "issued", _("issued")
        IN_PROGRESS = "in_progress", _("in progress")
        FULFILLED = "fulfilled", _("fulfilled")
        USED = "used", _("used")
        CANCELLED = "cancelled", _("cancelled")
        REFUNDED = "refunded", _("refunded")
        EXPIRED = "expired", _("expired")
        WITHDRAWN = "withdrawn", _("withdrawn")
        FORFEITED = "forfeited", _("forfeited")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="reward_redemptions", verbose_name=_("member")
    )
    reward = models.ForeignKey(Reward, models.PROTECT, related_name="redemptions", verbose_name=_("reward"))
    reward_key = models.UUIDField(_("identity of the reward"), editable=False)
    # Eighty characters are a caller's own; behind them stand the numbers of members who were merged, where both used one.
    reference = models.CharField(_("reference"), max_length=190, help_text=_("The caller's own; once per member."))
    wallet = models.SlugField(_("wallet"), db_index=False)
    points = models.PositiveIntegerField(_("points"))
    price_rule = models.CharField(
        _("price"), max_length=120, help_text=_("Which price it was: list, tier, or a price's code.")
    )
    amount = MoneyField(_("amount"), null=True, help_text=_("That it takes off, or that it gave to a cause."))
    matched = MoneyField(_("match"), default=0, help_text=_("That the retailer added to a donation."))
    status = models.CharField(_("status"), max_length=12, choices=Status, default=Status.ISSUED)
    redeemed_at = models.DateTimeField(pgettext_lazy("reward", "redeemed"))
    recorded_at = models.DateTimeField(_("recorded"))
    expires_at = models.DateTimeField(_("ends"), null=True)
    used_at = models.DateTimeField(_("used"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    order_number = models.CharField(_("order"), max_length=100, blank=True)
    is_counted = models.BooleanField(
        _("counted"), default=False, editable=False, help_text=_("That it was taken of a stock, a pool or a budget.")
    )
    note = models.CharField(_("note"), max_length=200, blank=True, help_text=_("Such as the parcel's number."))
    budget = models.ForeignKey(
        "rewards.RewardBudget", models.PROTECT, null=True, editable=False, related_name="redemptions",
        verbose_name=_("budget"), help_text=_("From which an offer is paid."),
    )  # fmt: skip
    reserved = MoneyField(
        _("reserved"), null=True, editable=False, help_text=_("The most that it may cost, of an offer.")
    )
    spent = MoneyField(_("cost"), null=True, editable=False, help_text=_("What it came to when it was used."))

    withdrawn_at: datetime | None = None

    objects: ClassVar[RewardRedemptionQuerySet] = RewardRedemptionQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("redeemed reward")
        verbose_name_plural = _("redeemed rewards")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "reference"], name="reward_redeemed_once_per_reference"),
            models.CheckConstraint(
                condition=models.Q(status__in=["issued", "in_progress"], used_at__isnull=True, ended_at__isnull=True)
                | models.Q(status__in=["used", "fulfilled"], used_at__isnull=False, ended_at__isnull=True)
                | models.Q(
                    status__in=["cancelled", "refunded", "expired", "withdrawn", "forfeited"], ended_at__isnull=False
                ),
                name="reward_redemption_ends_once",
            ),
            models.CheckConstraint(
                condition=models.Q(budget__isnull=True, reserved__isnull=True)
                | models.Q(budget__isnull=False, reserved__isnull=False, points=0),
                name="granted_reward_has_a_reservation",
            ),
            models.CheckConstraint(
                condition=models.Q(spent__isnull=True)
                | models.Q(reserved__isnull=True)
                | models.Q(spent__lte=models.F("reserved")),
                name="granted_reward_costs_what_was_reserved",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["membership"],
                condition=models.Q(status__in=["issued", "in_progress"]),
                name="reward_redemption_open",
            ),
            models.Index(fields=["program", "-redeemed_at"], name="reward_redemption_newest"),
            models.Index(fields=["membership", "reward_key"], name="reward_redemption_of_member"),
            # What has ended and was not found yet, where nothing is left of a stock.
            models.Index(
                fields=["program", "reward_key", "expires_at"],
                condition=models.Q(status="issued", is_counted=True),
                name="reward_redemption_of_stock",
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    def status_at(self, instant: datetime) -> Status:
        """Return what it is at an instant from now on: past its end it is over, whether or not the night has been."""
        if self.status != self.Status.ISSUED:
            return self.Status(self.status)
        if self.expires_at is not None and self.expires_at <= instant:
            return self.Status.EXPIRED
        is_withdrawn = self.withdrawn_at is not None and self.withdrawn_at <= instant
        return self.Status.WITHDRAWN if is_withdrawn else self.Status.ISSUED

    def ended_by(self, instant: datetime) -> datetime | None:
        """Return when it ended, as far as it has at an instant from now on; None for one that has not."""
        if self.status_at(instant) == self.status:
            return self.ended_at
        return min(each for each in (self.expires_at, self.withdrawn_at) if each is not None and each <= instant)


class RewardCounter(models.Model):
    """What all members took of a reward, whatever its version: the row that is locked for the last one."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    reward_key = models.UUIDField(_("reward"))
    added = models.IntegerField(_("added"), default=0, help_text=_("To the stock that the version says; or taken off."))
    taken = models.PositiveIntegerField(_("taken"), default=0)
    matched = MoneyField(_("matched"), default=0, help_text=_("What the retailer added to donations."))

    class Meta:
        verbose_name = _("stock of a reward")
        verbose_name_plural = _("stocks of rewards")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "reward_key"], name="reward_counted_once"),
            models.CheckConstraint(condition=models.Q(taken__gte=0), name="reward_taken_never_negative"),
            models.CheckConstraint(condition=models.Q(matched__gte=0), name="reward_matched_never_negative"),
        ]

    def __str__(self) -> str:
        return str(self.reward_key)


class CauseEntry(models.Model):
    """A line of a cause's own ledger: what members gave, what the retailer added, what was paid out. Never changed."""

    class Kind(models.TextChoices):
        MEMBER = "member", _("given by a member")
        MATCH = "match", _("added by the retailer")
        PAYOUT = "payout", _("paid out")

    id = models.BigAutoField(primary_key=True)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, db_index=False, related_name="+", verbose_name=_("program"))
    reward_key = models.UUIDField(_("cause"))
    kind = models.CharField(_("kind"), max_length=10, choices=Kind)
    amount = MoneyField(_("amount"), help_text=_("Negative where it was undone; paid out is negative."))
    redemption = models.ForeignKey(
        RewardRedemption, models.PROTECT, null=True, related_name="cause_entries", verbose_name=_("redemption")
    )
    document = models.CharField(_("document"), max_length=100, blank=True, help_text=_("Of what was paid out."))
    occurred_at = models.DateTimeField(_("occurred"))
    recorded_at = models.DateTimeField(_("recorded"))

    class Meta:
        verbose_name = _("entry of a cause")
        verbose_name_plural = _("entries of causes")
        indexes: ClassVar = [models.Index(fields=["program", "reward_key", "id"], name="cause_entry_in_order")]
        constraints: ClassVar = [
            models.CheckConstraint(condition=~models.Q(amount=0), name="cause_entry_is_of_something"),
            models.CheckConstraint(
                condition=models.Q(kind="payout", redemption__isnull=True) | models.Q(redemption__isnull=False),
                name="cause_entry_names_its_redemption",
            ),
            models.UniqueConstraint(
                fields=["program", "reward_key", "document"],
                condition=models.Q(kind="payout"),
                name="cause_paid_once_per_document",
            ),
        ]
        triggers: ClassVar = append_only("cause_entries")

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {number_format(self.amount)}"
