"""How members read numbers, money and what a program calls its things."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django import template
from django.template.defaultfilters import date as django_date
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext, gettext_lazy, ngettext

from customers.core.images import address_of, is_shown
from customers.core.languages import own_text
from customers.core.money import decimals_of, written
from customers.core.qr import svg_of
from loyalty.rewards.models import Reward, RewardRedemption

register = template.Library()
MOMENT = timedelta(microseconds=1)
BASES = {
    "spend": gettext_lazy("spent"),
    "points": gettext_lazy("points"),
    "orders": gettext_lazy("orders"),
    "visits": gettext_lazy("visits"),
    "balance": gettext_lazy("points in your wallet"),
}
REASONS = {
    "sold_out": gettext_lazy("Sold out"),
    "limit_reached": gettext_lazy("You have had it as often as it may be had."),
    "other_tier": gettext_lazy("For another tier"),
    "other_plan": gettext_lazy("For members with another plan"),
    "not_yet": gettext_lazy("Not yet"),
    "no_longer": gettext_lazy("No longer"),
}


@register.filter
def number(value: Any) -> str:
    """Return a number as the reader writes it, with no decimals that say nothing."""
    return number_format(value.normalize() if isinstance(value, Decimal) and value else value, use_l10n=True)


@register.filter
def points(value: int) -> str:
    """Return a number of points with its word."""
    return ngettext("%(points)s point", "%(points)s points", value) % {"points": number_format(value)}


@register.filter
def priced(said: Any) -> str:
    """Return points of a wallet with their word: what has `points` and the `name` of a wallet that is not the usual one."""
    count, name = (said["points"], said["name"]) if isinstance(said, dict) else (said.points, said.name)
    return f"{number_format(count)} {name}" if name else points(count)


@register.simple_tag
def paid(count: int, wallet: str, names: dict[str, str]) -> str:
    """
    Return points with the name of the wallet in which they are.

    :param names: of the wallets that are not the usual one, by their codes
    """
    return priced({"points": count, "name": names.get(wallet, "")})


@register.filter
def paid_in(row: Any, names: dict[str, str]) -> str:
    """Return the points of a row with the name of its wallet."""
    return paid(row.points, row.wallet, names)


@register.filter
def badge_among(challenge: Any, badges: Sequence[Any]) -> str:
    """Return the name of the badge that a challenge gives; empty for none."""
    return next((str(each.badge) for each in badges if each.badge.code == challenge.badge), "")


@register.simple_tag(takes_context=True)
def metric_amount(context: template.Context, counted: Any, metric: str) -> str:
    """
    Return how much of a metric was counted, or is asked for: amounts without their currency, which stands above it.

    They have its decimals: of two scores of which one is larger nobody reads the same.
    """
    decimals = decimals_of(context["member"].program.retailer.currency) if metric == "spend" else 0
    return number_format(Decimal(counted), decimals, use_l10n=True)


@register.filter
def change(value: int) -> str:
    """Return a change of points with its sign."""
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{number_format(abs(value))}"


@register.filter
def money(value: Any, currency: str) -> str:
    """Return an amount with its currency."""
    return written(None if value is None else Decimal(value), currency)


@register.filter
def is_more(amount: str) -> bool:
    """Tell whether an amount is more than nothing."""
    return Decimal(amount) > 0


@register.filter
def taken(value: Decimal) -> Decimal:
    """Return an amount that is taken off."""
    return -value


@register.filter
def basis(code: str) -> str:
    """Return what a tier counts, in words."""
    return str(BASES.get(code, code))


@register.filter
def refusal(reward: dict[str, Any]) -> str:
    """Return why a member cannot have a reward, in words."""
    if reward["reason"] == "insufficient_points":
        return gettext("%(points)s more needed") % {"points": points(reward["missing"])}
    return str(REASONS.get(reward["reason"], ""))


@register.filter
def kind(code: str) -> str:
    """Return what kind of reward it is, in words."""
    return str(Reward.Kind(code).label) if code in Reward.Kind else code


@register.filter
def share(done: Any, whole: Any) -> int:
    """Return how much of something is done, in whole percent, from 0 to 100."""
    if not whole:
        return 100
    return int(min(max(Decimal(done) / Decimal(whole), Decimal(0)), Decimal(1)) * 100)


@register.filter
def grouped(digits: str) -> str:
    """Return a member number in groups of four, as cards show it."""
    return " ".join(digits[place : place + 4] for place in range(0, len(digits), 4))


@register.simple_tag(takes_context=True)
def day(context: template.Context, value: datetime | date | str | None) -> SafeString | str:
    """Return a day as the reader writes it: of an instant, the one in the program's zone."""
    if not value:
        return "–"
    if isinstance(value, str):
        value = date.fromisoformat(value)
    if isinstance(value, datetime):
        value = localtime(value, context["member"].program.tzinfo).date()
    return format_html('<time datetime="{}">{}</time>', value.isoformat(), django_date(value, "j F Y"))


@register.simple_tag(takes_context=True)
def last_day(context: template.Context, ends_at: datetime) -> SafeString | str:
    """Return the last day of what ends with an instant, as the reader writes it: before a midnight that is the day before."""
    return day(context, ends_at - MOMENT)


@register.filter
def standing(redemption: RewardRedemption, at: datetime) -> str:
    """Return what a redeemed reward is at an instant, in words."""
    return str(redemption.status_at(at).label)


@register.simple_tag
def qr(text: str, label: str) -> SafeString:
    """Return a QR code as a picture."""
    return mark_safe(svg_of(text, title=label, css="qr"))  # noqa: S308 - drawn by the library, which escapes the title


METRICS = {
    "count": gettext_lazy("%(value)s of %(target)s times"),
    "points": gettext_lazy("%(value)s of %(target)s points"),
    "spend": gettext_lazy("%(value)s of %(target)s"),
    "categories": gettext_lazy("%(value)s of %(target)s departments"),
    "brands": gettext_lazy("%(value)s of %(target)s brands"),
    "stores": gettext_lazy("%(value)s of %(target)s shops"),
    "days": gettext_lazy("%(value)s of %(target)s days"),
    "day_streak": gettext_lazy("%(value)s of %(target)s days in a row"),
    "week_streak": gettext_lazy("%(value)s of %(target)s weeks in a row"),
}
COUNTED = {
    "count": gettext_lazy("how often"),
    "points": gettext_lazy("points earned"),
    "spend": gettext_lazy("amount spent"),
    "categories": gettext_lazy("different departments"),
    "brands": gettext_lazy("different brands"),
    "stores": gettext_lazy("different shops"),
    "days": gettext_lazy("different days"),
    "day_streak": gettext_lazy("days in a row"),
    "week_streak": gettext_lazy("weeks in a row"),
}


@register.filter
def progress_said(goal: Any, currency: str) -> str:
    """Return how far a member is with a goal, in words."""
    value, target = (_counted(each, goal.metric, currency) for each in (goal.value, goal.target))
    return str(METRICS[goal.metric]) % {"value": value, "target": target}


@register.filter
def metric_said(metric: str) -> str:
    """Return what a leaderboard counts, in words."""
    return str(COUNTED[metric])


@register.filter
def has_me(lines: Sequence[dict[str, Any]]) -> bool:
    """Tell whether the reader's own line is one of those that are shown."""
    return any(line["is_me"] for line in lines)


@register.filter
def picture(image: str) -> str:
    """Return a picture's address; empty where there is none, or only the retailer's own pages know it."""
    return address_of(image) if is_shown(image) else ""


@register.filter
def described(row: Any) -> str:
    """Return what a version says of a challenge, in the reader's language."""
    return own_text(row, "description")


@register.filter
def first_letter(name: Any) -> str:
    """Return the letter that stands for a badge without a picture."""
    return str(name)[:1].upper()


def _counted(value: str, metric: str, currency: str) -> str:
    return written(Decimal(value), currency) if metric == "spend" else number_format(int(Decimal(value)))
