"""The forms of a version's rows on its page in the admin: edited in a draft, shown when it is published."""

from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from customers.core.admin import StackedInline, TabularInline
from loyalty.badges.models import Badge, Board, Challenge
from loyalty.planning.forms import (
    BadgeForm,
    BoardForm,
    ChallengeForm,
    EarningGroupForm,
    EarningRuleForm,
    PaidPlanForm,
    PointsPolicyForm,
    RewardForm,
    TierForm,
)
from loyalty.plans.models import PaidPlan
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.programs.models import ProgramVersion
from loyalty.referrals.models import ReferralPolicy
from loyalty.rewards.models import Reward, RewardPrice
from loyalty.tiers.models import Tier, TierPolicy


class FrozenWhenPublished:
    """Rows of a version: edited, by those who may, while it is a draft; shown when it is published."""

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_draft(obj) and super().has_add_permission(request, obj)  # type: ignore[misc] # of the inline

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_draft(obj) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return is_draft(obj) and super().has_delete_permission(request, obj)  # type: ignore[misc]


class TierInline(FrozenWhenPublished, StackedInline):
    model = Tier
    form = TierForm
    ordering = ("rank",)
    tab = True
    collapsible = True
    fieldsets = (
        (None, {"fields": (("rank", "code"), ("name", "name_fr"), ("threshold", "multiplier"))}),
        (_("Further conditions"), {"fields": (("also_spend", "also_points"), ("also_orders", "also_visits"))}),
        (
            _("Benefits"),
            {
                "fields": (
                    ("entry_gift", "extra_months"),
                    ("reward_discount", "free_shipping", "early_access"),
                    ("benefits", "benefits_fr"),
                    "arms",
                )
            },
        ),
    )


class PaidPlanInline(FrozenWhenPublished, StackedInline):
    model = PaidPlan
    form = PaidPlanForm
    ordering = ("rank",)
    tab = True
    collapsible = True
    fieldsets = (
        (None, {"fields": (("rank", "code"), ("name", "name_fr"), ("price", "period"))}),
        (_("Trial and payments"), {"fields": ("trial_days", ("grace_days", "retry_days"))}),
        (
            _("Benefits"),
            {
                "fields": (
                    "multiplier",
                    ("free_shipping", "early_access"),
                    ("benefits", "benefits_fr"),
                    "perks_cost",
                    "arms",
                )
            },
        ),
    )


class EarningGroupInline(FrozenWhenPublished, TabularInline):
    model = EarningGroup
    form = EarningGroupForm
    ordering = ("code",)
    tab = True


class EarningRuleInline(FrozenWhenPublished, StackedInline):
    model = EarningRule
    form = EarningRuleForm
    ordering = ("code",)
    tab = True
    collapsible = True
    fieldsets = (
        (None, {"fields": (("code", "kind"), ("name", "name_fr"), ("points", "wallet"), "interaction")}),
        (
            _("What counts"),
            {
                "fields": (
                    ("categories", "brands"),
                    ("channels", "stores"),
                    ("in_tiers", "in_plans"),
                    "in_segments",
                    "minimum_amount",
                    ("counts_free_lines", "counts_gift_cards"),
                )
            },
        ),
        (_("When"), {"fields": (("first_day", "last_day"), ("first_time", "last_time"), "weekdays")}),
        (_("How much at most, and with what"), {"fields": (("cap", "group"), "uses_multiplier", "more", "arms")}),
        (
            _("Of interactions"),
            {
                "fields": (
                    ("day_limit", "month_limit"),
                    ("once_per_product", "bought_within_days"),
                    ("needs_approval", "is_taken_back"),
                )
            },
        ),
    )


class TierPolicyInline(FrozenWhenPublished, StackedInline):
    model = TierPolicy
    can_delete = False
    tab = True
    fieldsets = (
        (None, {"fields": (("basis", "wallet"), ("window", "window_months"), "combination")}),
        (_("When members fall"), {"fields": ("downgrade", ("grace_days", "grace_to_month_end"), "soft_landing")}),
    )


class RewardInline(FrozenWhenPublished, StackedInline):
    model = Reward
    form = RewardForm
    ordering = ("place",)
    tab = True
    collapsible = True
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("place", "code", "kind"),
                    ("name", "name_fr"),
                    ("description", "description_fr"),
                    ("image", "picture"),
                    ("wallet", "points"),
                )
            },
        ),
        (
            _("What it is"),
            {
                "fields": (
                    ("value", "percent"),
                    ("sku", "cost"),
                    ("points_per_unit", "minimum_amount"),
                    ("match_percent", "match_budget"),
                )
            },
        ),
        (
            _("How many, and for whom"),
            {"fields": (("stock", "codes"), ("member_limit", "member_period"), ("tiers", "plans"), "segments", "arms")},
        ),
        (
            _("When, and what comes back"),
            {
                "fields": (
                    ("first_day", "last_day"),
                    ("valid_days", "valid_until"),
                    ("on_expiry", "on_withdrawal"),
                    ("may_cancel", "granted_only"),
                )
            },
        ),
    )


class RewardPriceInline(FrozenWhenPublished, TabularInline):
    model = RewardPrice
    ordering = ("code",)
    tab = True


class ReferralPolicyInline(FrozenWhenPublished, StackedInline):
    model = ReferralPolicy
    tab = True
    fieldsets = (
        (None, {"fields": (("code", "wallet"), ("advocate_points", "friend_points"), "link")}),
        (
            _("Which order earns it"),
            {"fields": (("minimum_amount", "first_order_only"), ("window_days", "waiting_days"))},
        ),
        (
            _("How many there may be"),
            {"fields": (("advocate_limit", "limit_period"), ("budget", "budget_period"))},
        ),
        (_("What is held for review"), {"fields": (("claims_limit", "claims_days"), "hold_score")}),
    )


COUNTED = (
    (_("What counts"), {"fields": (("metric", "interaction"), "condition")}),
    (_("When, and for whom"), {"fields": (("window", "window_days"), ("first_day", "last_day"), ("tiers", "plans"))}),
)


SHOWN = (("place", "code"), ("name", "name_fr"), ("description", "description_fr"), ("image", "picture"))


class BadgeInline(FrozenWhenPublished, StackedInline):
    model = Badge
    form = BadgeForm
    ordering = ("place",)
    tab = True
    collapsible = True
    fieldsets = ((None, {"fields": (*SHOWN, ("kind", "points"), "levels", "takes_back")}),)


class ChallengeInline(FrozenWhenPublished, StackedInline):
    model = Challenge
    form = ChallengeForm
    ordering = ("place",)
    tab = True
    collapsible = True
    fieldsets = (
        (None, {"fields": (*SHOWN, ("target", "repeats"))}),
        *COUNTED,
        (
            _("Further goals and levels"),
            {"fields": (("further", "combination"), "levels", ("segments", "opt_in"), "arms")},
        ),
        (_("What it gives"), {"fields": (("points", "wallet"), ("badge", "takes_back"))}),
    )


class BoardInline(FrozenWhenPublished, StackedInline):
    model = Board
    form = BoardForm
    ordering = ("place",)
    tab = True
    collapsible = True
    fieldsets = (
        (None, {"fields": SHOWN}),
        *COUNTED,
        (_("Prizes of a contest"), {"fields": ("prizes", ("settle_days", "wallet"), "arms")}),
    )


class PointsPolicyInline(FrozenWhenPublished, StackedInline):
    model = PointsPolicy
    form = PointsPolicyForm
    verbose_name = _("wallet")
    verbose_name_plural = _("wallets")
    tab = True
    fieldsets = (
        (None, {"fields": (("code", "is_spendable"), ("name", "name_fr"))}),
        (_("When points become active"), {"fields": (("pending_days", "pending_until"), "pending_event")}),
        (_("When they expire"), {"fields": ("expiry", ("expiry_count", "expiry_dates"))}),
        (
            _("How many there may be"),
            {"fields": ("transaction_limit", ("period_limit", "period"), ("budget", "budget_period"))},
        ),
        (_("Returns and transfers"), {"fields": (("on_return", "may_transfer"),)}),
        (_("What they are worth"), {"fields": (("point_value", "redeemed_share"),)}),
    )


def is_draft(version: Model | None) -> bool:
    """Tell whether it is a version that may be edited."""
    return isinstance(version, ProgramVersion) and version.is_draft
