"""What pays as rows for files: shares as in 0.35, no value where nothing could be counted."""

from collections.abc import Iterable, Iterator

from analytics.kpis.scores import Score
from analytics.uplift.winning import Between
from analytics.what_pays.campaigns import CampaignReturns
from analytics.what_pays.media import Media
from analytics.what_pays.moments import Week
from analytics.what_pays.products import ProductReturn
from analytics.what_pays.season import Season
from analytics.what_pays.won import CustomersWon
from analytics.what_pays.won_page import name_of

PRODUCT_COLUMNS = (
    "sku", "name", "category", "orders", "customers", "units", "listed", "discount", "net", "returned", "revenue",
    "revenue_with_cost", "margin", "margin_share", "repeat_rate", "repeat_low", "repeat_high", "new_share", "attach_rate",
)  # fmt: skip
MOMENT_COLUMNS = ("weekday", "hour", "orders", "customers", "revenue", "days", "orders_a_day")
SEASON_COLUMNS = (
    "part", "years", "revenue", "revenue_low", "revenue_high", "orders", "orders_low", "orders_high",
)  # fmt: skip
CAMPAIGN_COLUMNS = (
    "campaigns", "variant", "measured", "pays", "is_final", "customers", "brought", "low", "high", "basis", "cost", "per_unit",
    "per_unit_low", "per_unit_high", "grade",
)  # fmt: skip
WON_COLUMNS = (
    "name", "variant", "says", "customers", "came", "control", "control_came", "share", "share_low", "share_high", "won",
    "won_low", "won_high", "cost", "cost_per_won", "cost_per_won_low", "cost_per_won_high", "cost_per_customer", "currency",
    "media", "media_per_won", "media_per_won_low", "media_per_won_high", "cost_per_won_with_media", "cost_per_won_with_media_low",
    "cost_per_won_with_media_high",
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


def season_rows(found: Season) -> Iterator[tuple[object, ...]]:
    """Yield a row for each month, or week, of the year; none where no index is told."""
    for each in found.parts:
        yield (
            each.part, each.revenue.years, *map(_round, (each.revenue.value, each.revenue.low, each.revenue.high)),
            *map(_round, (each.orders.value, each.orders.low, each.orders.high)),
        )  # fmt: skip


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


def won_rows(found: CustomersWon) -> Iterator[tuple[object, ...]]:
    """Yield a row for each variant of which it is told whom it won, then one for each thing of which nobody knows, with why."""
    for line in found.told:
        won = line.won
        yield (
            ", ".join(line.names), won.arm.code, won.why or "won", won.arm.customers, won.arm.came, won.control.customers,
            won.control.came, *_ends(won.share), *_ends(won.won), _round(won.cost), *_ends(won.each), _round(won.of_all),
            line.look.currency, *_of_media(line.media),
        )  # fmt: skip
    for other in found.not_known:
        code = other.won.arm.code if other.won else None
        yield (name_of(other), code, other.why, *(None,) * (len(WON_COLUMNS) - 3))


def _of_media(media: Media | None) -> tuple[float | None, ...]:
    return (None,) * 7 if media is None else (_round(media.spent), *_ends(media.each), *_ends(media.with_all))


def _ends(found: Between | None) -> tuple[float | None, float | None, float | None]:
    return (None, None, None) if found is None else (_round(found.value), _round(found.low), _round(found.high))


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 6)
