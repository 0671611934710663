"""What the page of what pays shows: products, moments, the season, campaigns or customers won, each as a table and a picture."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils import formats
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from analytics.audit.running import verdict
from analytics.audit.verdicts import Use
from analytics.audit.words import instead
from analytics.dashboards import charts
from analytics.dashboards.drawing import Drawing, Series
from analytics.experiments import words
from analytics.kpis.scores import Score
from analytics.what_pays.campaigns import CampaignReturn, Unmeasured, Why, campaign_returns
from analytics.what_pays.moments import HOURS_A_DAY, Week, week_of
from analytics.what_pays.period import DAYS, USUAL_DAYS, Days, last_days
from analytics.what_pays.products import ProductReturn, products
from analytics.what_pays.season_page import season_page
from analytics.what_pays.won import customers_won
from analytics.what_pays.won_page import won_page
from customers.core.money import decimals_of
from customers.core.numbers import percent, shown
from customers.models import Retailer

PARTS = {
    "products": gettext_lazy("Products"), "moments": gettext_lazy("Moments"), "season": gettext_lazy("Season"),
    "campaigns": gettext_lazy("Campaigns"), "won": gettext_lazy("Customers won"),
}  # fmt: skip
SHOWN_PRODUCTS, CHARTED_PRODUCTS = 50, 10
WHY_NOT = {
    Why.NO_CONTROL: gettext_lazy("It has no control: what its customers do they might have done without it."),
    Why.NOT_STARTED: gettext_lazy("Its experiment has not started: nobody was held out."),
    Why.NOT_LOOKED: gettext_lazy("Its experiment has not been looked at yet: that happens every night."),
}  # fmt: skip


def page(retailer: Retailer, given: Mapping[str, str], *, now: datetime) -> dict[str, Any]:
    """
    Return what the page shows.

    :param given: `part` and `days` as the reader chose them; what is not known is as usual
    """
    part = given["part"] if given.get("part") in PARTS else "products"
    days = DAYS.get(given.get("days", ""), DAYS[USUAL_DAYS])
    context: dict[str, Any] = {"parts": PARTS.items(), "part": part, "days": DAYS, "chosen_days": days}
    if part == "campaigns":
        return context | _campaigns(retailer) | {"has_facts": True}
    if part == "won":
        return context | won_page(customers_won(retailer)) | {"has_facts": True}
    if part == "season":
        return context | season_page(retailer, given, now=now)
    period = last_days(retailer, days, now)
    if period is None:
        return context | {"has_facts": False}
    said = {"has_facts": True, "period": _period(period)}
    return context | said | (_products(retailer, period) if part == "products" else _moments(retailer, period))


def _period(days: Days) -> str:
    ends = {"first": formats.date_format(days.first), "last": formats.date_format(days.last)}
    return _("Orders from %(first)s to %(last)s.") % ends


def _products(retailer: Retailer, days: Days) -> dict[str, Any]:
    found = products(retailer, days, limit=SHOWN_PRODUCTS)
    return {
        "rows": [_product(each, retailer.currency) for each in found],
        "has_rate": retailer.margin_rate is not None,
        "no_new": instead(verdict(retailer, Use.COHORTS), retailer.currency),
        "chart": _product_drawing(found[:CHARTED_PRODUCTS], retailer.currency).on_page(),
    }


def _product(each: ProductReturn, currency: str) -> dict[str, str]:
    return {
        "name": each.name or each.sku, "sku": each.sku if each.name else "", "category": each.category,
        "orders": charts.whole(each.orders), "customers": charts.whole(each.customers),
        "revenue": shown(each.revenue, decimals_of(currency)), "margin": _amount(each.margin, currency),
        "margin_share": _percent(each.margin_share), "discount": _percent(each.discount_share),
        "returned": _percent(each.returned_share), "repeat": _share(each.repeat_rate), "new": _share(each.new_share),
        "attach": _share(each.attach_rate),
    }  # fmt: skip


def _product_drawing(found: list[ProductReturn], currency: str) -> Drawing:
    has_margin = any(each.margin is not None for each in found)
    name = _("margin") if has_margin else _("revenue")
    values = [each.margin if has_margin else each.revenue for each in found]
    labels = [each.name or each.sku for each in found]
    rows = [(label, _money(value, currency)) for label, value in zip(labels, values, strict=True)]
    decimals = decimals_of(currency)
    drawn = [None if each is None else round(each, decimals) for each in values]
    return Drawing(
        _("Products that bring most"), labels, [Series(name, drawn)],
        [_("product"), name], rows, y_title=currency, wide=True, is_flat=True,
    )  # fmt: skip


def _moments(retailer: Retailer, days: Days) -> dict[str, Any]:
    week = week_of(retailer, days)
    most = max((week.each_day(each) for each in week.moments), default=0.0)
    hours = [hour for hour in range(HOURS_A_DAY) if any(each.hour == hour for each in week.moments)]
    return {
        "hours": hours,
        "weekdays": [_weekday(week, weekday, hours, most, retailer.currency) for weekday in range(1, 8)],
        "orders": charts.whole(week.orders),
        "zone": retailer.zone,
        "midnight": charts.whole(week.at_midnight) if week.at_midnight else "",
    }


def _weekday(week: Week, weekday: int, hours: list[int], most: float, currency: str) -> dict[str, Any]:
    mine = {each.hour: each for each in week.moments if each.weekday == weekday}
    orders, revenue = sum(each.orders for each in mine.values()), sum(each.revenue for each in mine.values())
    occurred = week.occurred[weekday - 1]
    cells = [
        {"words": shown(week.each_day(mine[hour]), 1), "heat": round(100 * week.each_day(mine[hour]) / most)}
        if hour in mine else {"words": "", "heat": 0}
        for hour in hours
    ]  # fmt: skip
    return {
        "name": WEEKDAYS[weekday - 1], "cells": cells, "orders": charts.whole(orders), "occurred": occurred,
        "each": shown(orders / occurred, 1) if occurred else "-",
        "average": _money(revenue / orders, currency) if orders else "-",
    }  # fmt: skip


def _campaigns(retailer: Retailer) -> dict[str, Any]:
    found = campaign_returns(retailer)
    return {
        "measured": [_campaign(each) for each in found.measured],
        "unmeasured": [{"name": each.name, "why": reason_of(each)} for each in found.unmeasured],
    }


def _campaign(each: CampaignReturn) -> dict[str, Any]:
    look, effect, per_unit = each.look, each.effect, each.per_unit
    return {
        "names": ", ".join(each.names),
        "variant": words.name_of(look.experiment, effect.code),
        "said": words.headline(look, effect),
        "is_lost": each.is_lost,
        "pays": each.pays,
        "is_final": look.is_final,
        "customers": charts.whole(each.customers),
        "total": words.money(effect.total.value, look.currency),
        "total_range": words.interval(effect.total, look.currency),
        "cost": "-" if each.cost is None else words.money(each.cost, look.currency),
        "per_unit": "-" if per_unit is None else shown(per_unit.value, 2),
        "per_unit_range": "" if per_unit is None else f"{shown(per_unit.low, 2)} … {shown(per_unit.high, 2)}",
        "basis": look.get_basis_display(),
        "grade": look.result.grade or "-",
        "experiment": look.experiment_id,
        "look": look.pk,
    }


def reason_of(each: Unmeasured) -> str:
    """Return why a campaign is not measured, and what to do about it."""
    if each.look is not None and each.look.result.blocked is not None:
        return words.blocked(each.look.result.blocked)
    return str(WHY_NOT[Why.NOT_LOOKED if each.why is Why.BLOCKED else each.why])


def _money(amount: float | None, currency: str) -> str:
    return "-" if amount is None else f"{shown(amount, decimals_of(currency))}\u00a0{currency}"


def _amount(amount: float | None, currency: str) -> str:
    return "-" if amount is None else shown(amount, decimals_of(currency))


def _percent(share: float | None) -> str:
    return "-" if share is None else percent(share)


def _share(found: Score) -> str:
    return _percent(found.value)
