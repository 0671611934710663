"""A version in plain words, in the reader's language: what one earns, how tiers work, how points live."""

from collections.abc import Iterable, Sequence
from datetime import date, time
from decimal import Decimal
from typing import Any

from django.utils.dates import WEEKDAYS as DAY_NAMES
from django.utils.formats import date_format, number_format, time_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from customers.segment_names import NAMES
from loyalty.configuration.arm_checks import arms_in_words
from loyalty.engine.profile import SEGMENTS
from loyalty.plans.models import PaidPlan
from loyalty.points.conditions import (
    EVERYTHING,
    WEEKDAYS,
    AllOf,
    AnyOf,
    Between,
    In,
    Is,
    Node,
    Not,
    parse_stored,
)
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.points.rules import FOR_ORDERS
from loyalty.tiers.models import Tier, TierPolicy

FIELDS = {
    "category": gettext_lazy("category"),
    "brand": gettext_lazy("brand"),
    "sku": gettext_lazy("SKU"),
    "channel": gettext_lazy("channel"),
    "store": gettext_lazy("store"),
    "promotion_code": gettext_lazy("promotion code"),
    "tier": gettext_lazy("tier"),
    "plan": gettext_lazy("paid plan"),
}
# Beside types, tags and stages: what a decile and a probability say.
SEGMENT_NAMES = {
    "top_value": gettext_lazy("top value"),
    "middle_value": gettext_lazy("middle value"),
    "low_value": gettext_lazy("low value"),
    "at_risk": gettext_lazy("at risk"),
    "active": gettext_lazy("active"),
    **NAMES,
}


def number(value: Any) -> str:
    """Return a number as the reader writes it, without idle zeros."""
    value = Decimal(value)
    text = f"{value.normalize():f}"
    places = len(text.partition(".")[2])
    return str(number_format(value, places, use_l10n=True, force_grouping=True))


def rule_in_words(rule: EarningRule, currency: str) -> str:
    """Return an earning rule as a sentence."""
    count = 1 if rule.points <= 1 else 2
    points = ngettext("%(number)s point", "%(number)s points", count) % {"number": number(rule.points)}
    kinds = {
        "per_amount": _("%(points)s per %(currency)s spent"),
        "per_item": _("%(points)s per item"),
        "per_order": _("%(points)s per order"),
        "first_order": _("%(points)s for the first order"),
        "per_interaction": _("%(points)s for: %(interaction)s"),
        "birthday": _("%(points)s on the birthday"),
        "anniversary": _("%(points)s on each anniversary of joining"),
    }
    facts = {"points": points, "currency": currency, "interaction": rule.get_interaction_display()}
    parts = [kinds[rule.kind] % facts]
    condition = parse_stored(rule.condition)
    if condition != EVERYTHING:
        parts.append(condition_in_words(condition))
    if rule.minimum_amount:
        parts.append(_("from %(amount)s %(currency)s") % {"amount": number(rule.minimum_amount), "currency": currency})
    if rule.cap is not None:
        parts.append(_("at most %(points)s points at once") % {"points": number(rule.cap)})
    parts += _lines_in_words(rule)
    parts += _terms_in_words(rule)
    if rule.wallet != "points":
        parts.append(_("into the wallet “%(wallet)s”") % {"wallet": rule.wallet})
    if rule.uses_multiplier:
        parts.append(_("times the tier’s multiplier"))
    parts += arms_in_words(rule.arms)
    return ", ".join(parts) + "."


def _lines_in_words(rule: EarningRule) -> list[str]:
    """Return which lines a rule for orders counts otherwise than most do, phrase by phrase."""
    if rule.kind not in FOR_ORDERS:
        return []
    free = [] if rule.counts_free_lines else [_("free lines not counted")]
    return free + ([_("gift cards too")] if rule.counts_gift_cards else [])


def _terms_in_words(rule: EarningRule) -> list[str]:
    """Return what a rule for interactions asks for besides, phrase by phrase."""
    said = []
    if rule.day_limit is not None:
        said.append(_("at most %(count)s a day") % {"count": rule.day_limit})
    if rule.month_limit is not None:
        said.append(_("at most %(count)s a month") % {"count": rule.month_limit})
    said += [_("once per product")] if rule.once_per_product else []
    if rule.bought_within_days is not None:
        words = ngettext(
            "for a product bought within %(days)s day and not returned",
            "for a product bought within %(days)s days and not returned",
            rule.bought_within_days,
        )
        said.append(words % {"days": rule.bought_within_days})
    said += [_("after an approval")] if rule.needs_approval else []
    said += [_("taken back with the product")] if rule.is_taken_back else []
    return said


def condition_in_words(node: Node) -> str:
    """Return a condition as a phrase."""
    match node:
        case AnyOf(()):
            return _("never: its condition cannot be read")
        case AllOf(parts):
            return _(" and ").join(_bracketed(part) for part in parts)
        case AnyOf(parts):
            return _(" or ").join(_bracketed(part) for part in parts)
        case Not(part):
            return _("not (%(what)s)") % {"what": condition_in_words(part)}
        case _:
            return _leaf(node)


def wallet_in_words(policy: PointsPolicy) -> list[str]:
    """Return how the points of a wallet live, sentence by sentence."""
    return [*_lifetime(policy), *_limits(policy), *_worth(policy)]


def scheme_in_words(policy: TierPolicy, tiers: Sequence[Tier]) -> list[str]:
    """Return how tiers are reached and lost, sentence by sentence."""
    if not tiers:
        return [_("The program has no tiers.")]
    windows = {
        "rolling": ngettext("over the last month", "over the last %(months)s months", policy.window_months),
        "calendar_year": _("over the calendar year"),
        "membership_year": _("over the year of membership"),
        "lifetime": _("over all time"),
    }
    window = windows[policy.window] % {"months": policy.window_months}
    said = [_("What counts: %(basis)s, %(window)s.") % {"basis": policy.get_basis_display(), "window": window}]
    if any(tier.further for tier in tiers):
        said.append(_("Further conditions: %(which)s.") % {"which": policy.get_combination_display()})
    grace = ngettext("%(days)s day of grace", "%(days)s days of grace", policy.grace_days) % {"days": policy.grace_days}
    falls = {
        "never": _("Nobody loses a tier."),
        "at_once": _("Who no longer qualifies loses the tier in the following night."),
        "period_end": _("A tier is kept until the end of its period, and judged by what counted then."),
        "grace": _("Who no longer qualifies keeps the tier for %(grace)s.") % {"grace": grace},
    }
    said.append(falls[policy.downgrade])
    if policy.downgrade == "grace" and policy.grace_to_month_end:
        said.append(_("The grace runs through the end of its month."))
    if policy.soft_landing and policy.downgrade != "never":
        said.append(_("A fall is one tier at a time."))
    return said


def tier_in_words(tier: Tier, policy: TierPolicy, currency: str) -> list[str]:
    """Return what a tier asks for and gives, phrase by phrase."""
    asked, is_any = [(policy.basis, tier.threshold), *tier.further], policy.combination == TierPolicy.Combination.ANY
    is_for_all = not tier.threshold and not tier.further
    said = [_("for everybody") if is_for_all else conditions_in_words(asked, currency, is_any=is_any)]
    if tier.multiplier != 1:
        said.append(_("points × %(multiplier)s") % {"multiplier": number(tier.multiplier)})
    if tier.entry_gift:
        said.append(_("%(points)s points on entry") % {"points": number(tier.entry_gift)})
    if tier.extra_months:
        longer = ngettext(
            "points live %(months)s month longer", "points live %(months)s months longer", tier.extra_months
        )
        said.append(longer % {"months": tier.extra_months})
    if tier.reward_discount:
        said.append(_("rewards %(percent)s %% cheaper") % {"percent": number(tier.reward_discount)})
    said += [_("free shipping")] if tier.free_shipping else []
    said += [_("early access")] if tier.early_access else []
    return [*said, *arms_in_words(tier.arms)]


def plan_in_words(plan: PaidPlan, currency: str) -> list[str]:
    """Return what a paid plan costs and gives, phrase by phrase."""
    facts = {"price": number(plan.price), "currency": currency}
    if plan.price == 0:
        said = [_("free of charge")]
    elif plan.period == PaidPlan.Period.YEAR:
        said = [_("%(price)s %(currency)s a year") % facts]
    else:
        said = [_("%(price)s %(currency)s a month") % facts]
    if plan.trial_days:
        trial = ngettext("%(days)s day of trial", "%(days)s days of trial", plan.trial_days)
        said.append(trial % {"days": plan.trial_days})
    if plan.multiplier != 1:
        said.append(_("points × %(multiplier)s") % {"multiplier": number(plan.multiplier)})
    said += [_("free shipping")] if plan.free_shipping else []
    said += [_("early access")] if plan.early_access else []
    if plan.price:
        grace = ngettext(
            "benefits go on for %(days)s day while a payment fails",
            "benefits go on for %(days)s days while a payment fails",
            plan.grace_days,
        )
        said.append(grace % {"days": plan.grace_days})
    return [*said, *arms_in_words(plan.arms)]


def _bracketed(node: Node) -> str:
    words = condition_in_words(node)
    return f"({words})" if isinstance(node, AllOf | AnyOf) and len(node.parts) > 1 else words


def _leaf(node: Any) -> str:
    match node:
        case In("weekday", values):
            names = [str(DAY_NAMES[place]) for place, day in enumerate(WEEKDAYS) if day in values]
            return _("on %(days)s") % {"days": ", ".join(names)}
        case In("segment", values):
            names = [str(SEGMENT_NAMES[code]) for code in SEGMENTS if code in values]
            return _("for the segments: %(names)s") % {"names": ", ".join(names)}
        case In(field, values):
            listed = ", ".join(value or _("none") for value in sorted(values))
            return _("%(field)s %(values)s") % {"field": FIELDS[field], "values": listed}
        case Is("is_first", value):
            return _("on the first order") if value else _("on later orders")
        case Is(_field, value):
            return _("on gifts") if value else _("but not on gifts")
        case Between(field, first, last):
            return _between(field, first, last)
    raise AssertionError(node)


def _between(field: str, first: Any, last: Any) -> str:
    facts = {"first": _bound(first), "last": _bound(last)}
    if field == "order_amount":
        words = _("orders from %(first)s to %(last)s"), _("orders from %(first)s"), _("orders up to %(last)s")
    elif field == "value_decile":
        words = (
            _("for the deciles of value %(first)s to %(last)s"),
            _("for the deciles of value from %(first)s"),
            _("for the deciles of value up to %(last)s"),
        )
    elif field == "date":
        words = _("from %(first)s through %(last)s"), _("from %(first)s"), _("through %(last)s")
    else:
        words = _("between %(first)s and %(last)s"), _("from %(first)s"), _("until %(last)s")
    return (words[0] if first is not None and last is not None else words[1] if last is None else words[2]) % facts


def _bound(value: Any) -> str:
    if isinstance(value, date):
        return str(date_format(value))
    if isinstance(value, time):
        return str(time_format(value))
    return "" if value is None else number(value)


def _lifetime(policy: PointsPolicy) -> list[str]:
    said = [_activation(policy)]
    if policy.pending_until:
        said.append(_("They are not active before %(day)s.") % {"day": date_format(policy.pending_until)})
    return [*said, _expiry(policy)]


def _activation(policy: PointsPolicy) -> str:
    if policy.pending_event:
        words = _("Points become active with the event “%(event)s” of the order, after %(days)s days.")
        return words % {"event": policy.pending_event, "days": policy.pending_days}
    if policy.pending_days:
        words = ngettext(
            "Points become active after %(days)s day.", "Points become active after %(days)s days.", policy.pending_days
        )
        return words % {"days": policy.pending_days}
    return _("Points can be spent at once.")


def _expiry(policy: PointsPolicy) -> str:
    if policy.expiry == PointsPolicy.Expiry.NEVER:
        return _("They never expire.")
    if policy.expiry == PointsPolicy.Expiry.FIXED_DATES:
        return _("They expire after the next of: %(dates)s.") % {"dates": ", ".join(policy.expiry_dates)}
    count = policy.expiry_count
    lives = {
        "days": ngettext("They expire %(n)s day after activation.", "They expire %(n)s days after activation.", count),
        "months": ngettext(
            "They expire %(n)s month after activation.", "They expire %(n)s months after activation.", count
        ),
        "end_of_month": ngettext(
            "They expire at the end of the month, %(n)s month later.",
            "They expire at the end of the month, %(n)s months later.",
            count,
        ),
        "end_of_quarter": ngettext(
            "They expire at the end of the quarter, %(n)s month later.",
            "They expire at the end of the quarter, %(n)s months later.",
            count,
        ),
        "end_of_year": ngettext(
            "They expire at the end of the year, %(n)s month later.",
            "They expire at the end of the year, %(n)s months later.",
            count,
        ),
        "inactivity": ngettext(
            "They expire after %(n)s month without earning or redeeming.",
            "They expire after %(n)s months without earning or redeeming.",
            count,
        ),
    }
    return lives[policy.expiry] % {"n": count}


def _limits(policy: PointsPolicy) -> list[str]:
    said = []
    if policy.transaction_limit is not None:
        words = _("An order worth more than %(points)s points gives none, until somebody has looked.")
        said.append(words % {"points": number(policy.transaction_limit)})
    if policy.period_limit is not None:
        words = _("A member earns at most %(points)s points a %(period)s.")
        said.append(words % {"points": number(policy.period_limit), "period": policy.get_period_display()})
    if policy.budget is not None:
        words = _("All members together earn at most %(points)s points: %(period)s.")
        said.append(words % {"points": number(policy.budget), "period": policy.get_budget_period_display()})
    return said or [_("There is no limit.")]


def _worth(policy: PointsPolicy) -> list[str]:
    said = [_("Returns: %(what)s.") % {"what": policy.get_on_return_display()}]
    if policy.point_value is not None:
        said.append(_("A point is worth %(value)s.") % {"value": number(policy.point_value)})
    if policy.may_transfer:
        said.append(_("Members may transfer points."))
    if not policy.is_spendable:
        said.append(_("These points cannot be spent; they count for tiers."))
    return said


def conditions_in_words(asked: Iterable[tuple[str, Any]], currency: str, *, is_any: bool) -> str:
    """
    Return how much of what a tier counts is asked for, or missing.

    :param asked: by basis
    :param is_any: whether one of them is enough
    """
    return (_(" or ") if is_any else _(" and ")).join(_asked(*each, currency) for each in asked)


def _asked(basis: str, least: Any, currency: str) -> str:
    words = {
        "spend": _("%(least)s %(currency)s spent"),
        "points": _("%(least)s points earned"),
        "orders": _("%(least)s orders"),
        "visits": _("%(least)s visits"),
        "balance": _("%(least)s points to spend"),
    }
    return words[basis] % {"least": number(least), "currency": currency}
