from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.core.languages import own_text
from customers.core.money import MoneyField
from customers.models import Customer, Retailer
from loyalty.campaigns.models.campaign import MAX_PRIORITY
from loyalty.engine.profile import SEGMENTS
from loyalty.experiments.models import Experiment
from loyalty.memberships.models import Membership
from loyalty.programs.fields import codes_field
from loyalty.programs.models import Program
from loyalty.rewards.models import RewardBudget, RewardRedemption

MAX_DISCOUNT_DAYS = 400


def _segments(name: Any, about: Any) -> ArrayField[Any, Any]:
    own = models.CharField(max_length=30, choices=[(each, each) for each in SEGMENTS])
    return ArrayField(own, verbose_name=name, default=list, blank=True, help_text=about)


def _texts(name: Any, about: Any = "") -> ArrayField[Any, Any]:
    return ArrayField(models.CharField(max_length=100), verbose_name=name, default=list, blank=True, help_text=about)


class OfferQuerySet(models.QuerySet["Offer"]):
    def live(self) -> Self:
        """Return those that are given."""
        return self.filter(state=Offer.State.LIVE)


class Offer(models.Model):
    """
    A reward that is given to members for whom it pays, without points, as long as its budget has room.

    Where it names several rewards, a member gets the first one that its variant of an experiment has: so depths are tried.
    """

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        LIVE = "live", _("live")
        ENDED = "ended", _("ended")
        WITHDRAWN = "withdrawn", _("withdrawn")

    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="offers", verbose_name=_("retailer")
    )
    program = models.ForeignKey(Program, models.PROTECT, related_name="offers", verbose_name=_("program"))
    code = models.SlugField(_("code"))
    name = models.CharField(_("name"), max_length=100)
    name_fr = models.CharField(_("name in French"), max_length=100, blank=True)
    rewards = ArrayField(
        models.SlugField(max_length=50), verbose_name=_("rewards"), size=10,
        help_text=_("Their codes. A member gets the first one that its variant of an experiment has."),
    )  # fmt: skip
    budget = models.OneToOneField(
        RewardBudget, models.PROTECT, related_name="offer", editable=False, verbose_name=_("budget")
    )
    at_most = MoneyField(
        _("costs at most"), null=True, blank=True, validators=[MinValueValidator(0)],
        help_text=_("Each, where the reward says neither an amount nor a cost: so much is reserved, and the till gives no more."),
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.DRAFT, editable=False)
    first_day = models.DateField(_("from the day"), null=True, blank=True)
    last_day = models.DateField(
        _("through the day"), null=True, blank=True, help_text=_("On which it is given, and can be used.")
    )
    valid_days = models.PositiveSmallIntegerField(
        _("good for days"), default=14, validators=[MinValueValidator(1), MaxValueValidator(400)],
        help_text=_("The day on which it is given and so many more, to midnight where the member is."),
    )  # fmt: skip
    again_after_days = models.PositiveSmallIntegerField(
        _("again after days"), null=True, blank=True, help_text=_("So long a member does not get it again; empty for at once.")
    )  # fmt: skip
    slot = models.SlugField(
        _("slot"), blank=True, help_text=_("Of offers with the same slot, a member has one at a time: the one that goes first.")
    )  # fmt: skip
    priority = models.PositiveSmallIntegerField(
        _("priority"), default=10, validators=[MaxValueValidator(MAX_PRIORITY)],
        help_text=_("In its slot, the higher goes first; where experiments tell what each brings, the one that brings most."),
    )  # fmt: skip
    tiers = codes_field(_("only for tiers"), _("Their codes."))
    segments = _segments(
        _("only for segments"), _("Of one of them; of members who agreed to offers based on a profile.")
    )
    value_from = models.PositiveSmallIntegerField(
        _("value from decile"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10)],
        help_text=_("10 is the highest."),
    )  # fmt: skip
    value_to = models.PositiveSmallIntegerField(
        _("value to decile"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(10)]
    )
    categories = _texts(_("only for lovers of the categories"))
    brands = _texts(_("only for lovers of the brands"))
    excluded = _segments(
        _("not for segments"), _("Whom it would cost more than it brings, such as serial_returner or promotion_lover.")
    )
    instead = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("those get instead"),
        help_text=_("An offer that is no discount; empty for nothing."),
    )  # fmt: skip
    hold_out = models.ForeignKey(
        Experiment, models.PROTECT, null=True, blank=True, related_name="offers_held_out", verbose_name=_("hold-out"),
        help_text=_("An experiment of variants whose control does not get it, so that the difference is what it does."),
    )  # fmt: skip
    found_in = models.ForeignKey(
        Experiment, models.PROTECT, null=True, editable=False, related_name="offers_found", verbose_name=_("found in"),
        help_text=_("The experiment of depths from whose report it was drawn up."),
    )  # fmt: skip
    found_look = models.PositiveBigIntegerField(
        _("report"), null=True, editable=False, help_text=_("The number of that report.")
    )
    expected_margin = MoneyField(
        _("expected margin"), null=True, editable=False,
        help_text=_("For each member that it is meant for, less its cost: as the experiment of its campaign found."),
    )  # fmt: skip
    expected_as_of = models.DateTimeField(_("expected since"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), editable=False)

    objects: ClassVar[OfferQuerySet] = OfferQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("offer")
        verbose_name_plural = _("offers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "code"], name="offer_once_per_code"),
            models.CheckConstraint(condition=models.Q(rewards__len__gte=1), name="offer_has_a_reward"),
            models.CheckConstraint(
                condition=models.Q(first_day__isnull=True)
                | models.Q(last_day__isnull=True)
                | models.Q(last_day__gte=models.F("first_day")),
                name="offer_ends_after_it_begins",
                violation_error_message=_("It ends after it begins."),
            ),
            models.CheckConstraint(
                condition=models.Q(value_from__isnull=True)
                | models.Q(value_to__isnull=True)
                | models.Q(value_to__gte=models.F("value_from")),
                name="offer_deciles_in_order",
            ),
            models.CheckConstraint(
                condition=models.Q(instead__isnull=True) | ~models.Q(excluded=[]),
                name="offer_instead_is_for_the_excluded",
                violation_error_message=_("Say who is excluded, and gets another offer instead."),
            ),
            models.CheckConstraint(
                condition=models.Q(found_in__isnull=True, found_look__isnull=True)
                | models.Q(found_in__isnull=False, found_look__isnull=False),
                name="offer_found_in_a_report_of_an_experiment",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["program", "slot"], condition=~models.Q(slot=""), name="offer_of_a_slot"),
        ]

    def __str__(self) -> str:
        return own_text(self, "name")

    def clean(self) -> None:
        """Refuse what contradicts itself, or names what belongs to somebody else."""
        if self.program_id and self.program.retailer_id != self.retailer_id:
            raise ValidationError({"program": _("This program is another retailer's.")})
        if self.instead is not None and self.instead.program_id != self.program_id:
            raise ValidationError({"instead": _("This offer is another program's, whose members are others.")})
        if self.hold_out is not None and not self.holds_out_by(self.hold_out):
            raise ValidationError({"hold_out": _("Name an experiment of variants of the same program.")})
        if self.value_from is not None and self.value_to is not None and self.value_from > self.value_to:
            raise ValidationError(
                {
                    "value_to": _("No decile is from %(low)s to %(high)s.")
                    % {"low": self.value_from, "high": self.value_to}
                }
            )

    def holds_out_by(self, experiment: Experiment) -> bool:
        """Tell whether an experiment can hold members out of it: one of its program, that withholds nothing else."""
        is_own = (experiment.retailer_id, experiment.program_id) == (self.retailer_id, self.program_id)
        return is_own and experiment.form == Experiment.Form.VARIANTS


class DiscountCapQuerySet(models.QuerySet["DiscountCap"]):
    def in_force(self) -> Self:
        """Return the caps that nobody has lifted."""
        return self.filter(lifted_at=None)

    def lift(self, *, author: str, now: datetime) -> int:
        """Let caps hold nobody any more; they stay, with who lifted them and when. Return how many those were."""
        return self.in_force().update(lifted_by=author, lifted_at=now)


class DiscountCap(models.Model):
    """
    At most so many discounts are given to a member of a program in its last days, by whatever offers.

    One that is lifted, or followed by another one of as many days, stays, and holds nobody: so it can be read who changed what.
    """

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    program = models.ForeignKey(
        Program, models.PROTECT, db_index=False, related_name="discount_caps", verbose_name=_("program")
    )
    limit = models.PositiveSmallIntegerField(
        _("at most"), validators=[MinValueValidator(1)],
        help_text=_("Discounts: what takes an amount or a percentage off. Each counts that was given, used or not."),
    )  # fmt: skip
    days = models.PositiveSmallIntegerField(
        _("in so many days"), default=30, validators=[MinValueValidator(1), MaxValueValidator(MAX_DISCOUNT_DAYS)],
        help_text=_("Of the member's own calendar, today included."),
    )  # fmt: skip
    set_by = models.CharField(_("set by"), max_length=150, blank=True, editable=False, db_default="")
    set_at = models.DateTimeField(_("set on"), null=True, editable=False)
    lifted_by = models.CharField(_("lifted by"), max_length=150, blank=True, editable=False, db_default="")
    lifted_at = models.DateTimeField(_("lifted on"), null=True, editable=False)

    objects: ClassVar[DiscountCapQuerySet] = DiscountCapQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("cap of discounts")
        verbose_name_plural = _("caps of discounts")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["program", "days"],
                condition=models.Q(lifted_at=None),
                name="discount_cap_once_per_window",
            ),
            models.CheckConstraint(condition=models.Q(limit__gte=1), name="discount_cap_lets_one_pass"),
            models.CheckConstraint(
                condition=models.Q(days__range=(1, MAX_DISCOUNT_DAYS)), name="discount_cap_has_days"
            ),
        ]

    def __str__(self) -> str:
        said = ngettext("at most %(limit)s in %(days)s day", "at most %(limit)s in %(days)s days", self.days)
        return said % {"limit": self.limit, "days": self.days}

    def clean(self) -> None:
        """
        Refuse another retailer's program, and a second cap in force for as many days.

        Forms look for no second one by the constraint: whether a cap is lifted, of which it asks, is in no form.
        """
        if self.program_id and self.program.retailer_id != self.retailer_id:
            raise ValidationError({"program": _("This program is another retailer's.")})
        others = DiscountCap.objects.in_force().filter(program=self.program_id, days=self.days).exclude(pk=self.pk)
        if self.lifted_at is None and others.exists():
            raise ValidationError({"days": _("This program has a cap for so many days already: change that one.")})


class OfferGrant(models.Model):
    """
    That an offer is a member's: once for each offer, customer and occurrence.

    Until it is taken its reservation is its own; from then on that of the redeemed reward, whose status says what became of it.
    When that reward is withdrawn (`withdrawn_at`) is known of those that were read with it.
    """

    class State(models.TextChoices):
        GRANTED = "granted", _("given")
        TAKEN = "taken", _("taken")
        DECLINED = "declined", _("declined")
        EXPIRED = "expired", _("expired")
        WITHDRAWN = "withdrawn", _("withdrawn")

    class ChosenBy(models.TextChoices):
        MARGIN = "margin", _("what it is expected to bring")
        PRIORITY = "priority", _("its priority")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="grants", db_index=False, verbose_name=_("offer"))
    membership = models.ForeignKey(Membership, models.PROTECT, related_name="offer_grants", verbose_name=_("member"))
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="offer_grants", verbose_name=_("customer"))
    occurrence = models.CharField(
        _("because of"), max_length=150, help_text=_("The fact, such as birthday:2026, or the step of a campaign.")
    )
    reward_key = models.UUIDField(_("identity of the reward"), editable=False)
    reserved = MoneyField(_("reserved"))
    is_discount = models.BooleanField(
        _("discount"), default=False, help_text=_("It took an amount or a percentage off when it was given.")
    )  # fmt: skip
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.GRANTED)
    redemption = models.OneToOneField(
        RewardRedemption, models.PROTECT, null=True, related_name="offer_grant", verbose_name=_("redemption")
    )
    chosen_over = codes_field(_("chosen over"), _("Offers of its slot that the member could have had, too."))
    chosen_by = models.CharField(
        _("chosen by"), max_length=8, choices=ChosenBy, blank=True, help_text=_("Empty where there was no other one.")
    )
    instead_of = models.SlugField(
        _("instead of"), db_index=False, blank=True, help_text=_("The offer from which the member is excluded.")
    )
    insight_as_of = models.DateField(
        _("data until"), null=True, help_text=_("Of what was known of the member; empty where nothing of it was asked.")
    )
    granted_at = models.DateTimeField(_("given"))
    expires_at = models.DateTimeField(_("ends"))
    ended_at = models.DateTimeField(_("ended"), null=True, help_text=_("Before it was taken."))

    withdrawn_at: datetime | None = None

    class Meta:
        verbose_name = _("offer of a member")
        verbose_name_plural = _("offers of members")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["offer", "customer", "occurrence"], name="grant_once_per_occurrence"),
            models.CheckConstraint(
                condition=models.Q(state="taken", redemption__isnull=False)
                | (~models.Q(state="taken") & models.Q(redemption__isnull=True)),
                name="taken_grant_has_a_redemption",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=["granted", "taken"], ended_at__isnull=True)
                | models.Q(state__in=["declined", "expired", "withdrawn"], ended_at__isnull=False),
                name="ended_grant_has_an_instant",
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("granted_at")), name="grant_ends_after_it_is_given"
            ),
            models.CheckConstraint(condition=models.Q(reserved__gte=0), name="grant_reserves_nothing_negative"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["offer", "expires_at"], condition=models.Q(state="granted"), name="grant_open"),
        ]

    def __str__(self) -> str:
        return self.occurrence


class OfferRefusal(models.Model):
    """That an offer was not given to a customer, and why: once for each reason of an occurrence. Never changed."""

    class Reason(models.TextChoices):
        NO_MEMBER = "no_member", _("is no member")
        NOT_LIVE = "not_live", _("the offer is not given")
        NOT_YET = "not_yet", _("it is too early")
        NO_LONGER = "no_longer", _("it is too late")
        HELD_OUT = "held_out", _("is held out")
        NO_REWARD = "no_reward", _("there is no reward of it for the member")
        NO_PROFILING = "no_profiling", _("did not agree to offers based on a profile")
        OTHER_TIER = "other_tier", _("has another tier")
        OTHER_SEGMENT = "other_segment", _("is of other segments")
        OTHER_VALUE = "other_value", _("has another value")
        OTHER_AFFINITY = "other_affinity", _("likes something else")
        EXCLUDED = "excluded", _("is excluded")
        AGAIN_AFTER = "again_after", _("had it not long ago")
        SLOT_TAKEN = "slot_taken", _("has another offer of the slot")
        DISCOUNT_CAPPED = "discount_capped", _("had enough discounts lately")
        BUDGET_RESERVED = "budget_reserved", _("the budget is reserved")

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    offer = models.ForeignKey(Offer, models.PROTECT, related_name="refusals", db_index=False, verbose_name=_("offer"))
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="+", verbose_name=_("customer"))
    occurrence = models.CharField(_("because of"), max_length=150)
    reason = models.CharField(_("why not"), max_length=15, choices=Reason)
    rule = models.CharField(
        _("rule"), max_length=50, blank=True, help_text=_("Such as the segment, or the offer that the member has.")
    )
    reserves = MoneyField(_("would reserve"), default=0, help_text=_("What was not reserved for it."))
    insight_as_of = models.DateField(_("data until"), null=True)
    refused_at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("refused offer")
        verbose_name_plural = _("refused offers")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["offer", "customer", "occurrence", "reason"], name="refused_once_per_reason"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["offer", "reason"], name="refusal_by_offer")]
        triggers: ClassVar = append_only("offer_refusals")

    def __str__(self) -> str:
        return self.reason
