"""What pays as rows for files: shares as in 0.35, no value where nothing could be counted."""

from collections.abc import Iterable, Iterator

from analytics.kpis.scores import Score
from analytics.what_pays.campaigns import CampaignReturns
from analytics.what_pays.moments import Week
from analytics.what_pays.products import ProductReturn

PRODUCT_COLUMNS = (
    "sku", "name", "category", "orders", "customers", "units", "listed", "discount", "net", "returned", "revenue",
    "revenue_with_cost", "margin", "margin_share", "repeat_rate", "repeat_low", "repeat_high", "new_share", "attach_rate",
)  # fmt: skip
MOMENT_COLUMNS = ("weekday", "hour", "orders", "customers", "revenue", "days", "orders_a_day")
CAMPAIGN_COLUMNS = (
    "campaigns", "variant", "measured", "pays", "is_final", "customers", "brought", "low", "high", "basis", "cost", "per_unit",
    "per_unit_low", "per_unit_high", "grade",
)  # fmt: skip


def product_rows(found: Iterable[ProductReturn]) -> Iterator[tuple[object, ...]]:
    """Yield a row for each product."""
    for each in found:
        repeat: Score = each.repeat_rate
        yield (
            each.sku, each.name, each.category, each.orders, each.customers, each.units, each.listed, each.discount, each.net,
            each.returned, _round(each.revenue), _round(each.costed), _round(each.margin), _round(each.margin_share),
            _round(repeat.value), _round(repeat.low), _round(repeat.high), _round(each.new_share.value),
            _round(each.attach_rate.value),
        )  # fmt: skip


def moment_rows(week: Week) -> Iterator[tuple[object, ...]]:
    """Yield a row for each hour of a weekday with an order; Monday is 1."""
    for each in week.moments:
        days = week.occurred[each.weekday - 1]
        yield each.weekday, each.hour, each.orders, each.customers, each.revenue, days, _round(week.each_day(each))


def campaign_rows(found: CampaignReturns) -> Iterator[tuple[object, ...]]:
    """Yield a row for each variant that was measured, then one for each campaign that was not, with why."""
    for each in found.measured:
        total, unit = each.effect.total, each.per_unit
        yield (
            ", ".join(each.names), each.effect.code, "yes", each.pays, each.look.is_final, each.customers, _round(total.value),
            _round(total.low), _round(total.high), each.look.basis, _round(each.cost), _round(unit.value if unit else None),
            _round(unit.low if unit else None), _round(unit.high if unit else None), each.look.result.grade,
        )  # fmt: skip
    for other in found.unmeasured:
        yield (other.name, None, other.why.value, *(None,) * (len(CAMPAIGN_COLUMNS) - 3))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
