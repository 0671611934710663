"""Segments of a run beside those of an earlier one: sizes, values, and who moved from which to which. Reads only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from django.db.models import Exists, OuterRef

from analytics.segments.models import CustomerSegment, SegmentRun, SegmentSize
from analytics.segments.rules import TYPES, Thresholds
from analytics.segments.words import Described, all_described
from customers.core import bulk
from customers.core.segments import LifeStage

MONTH = timedelta(days=30)
MAX_RUNS = 24
NOBODY = ""  # in a matrix: who has no type on that day


@dataclass(frozen=True, slots=True)
class Sized:
    """
    How many customers a type, tag or stage has, and what they are worth.

    :param revenue: to date
    :param value: predicted; None where nothing was
    :param value_if_active: None where nothing was predicted
    """

    customers: int = 0
    revenue: Decimal = Decimal(0)
    value: Decimal | None = None
    value_if_active: Decimal | None = None

    @property
    def at_stake(self) -> Decimal | None:
        """Return what is lost of the value by those who may not come back."""
        if self.value is None or self.value_if_active is None:
            return None
        return self.value_if_active - self.value


NONE = Sized()


@dataclass(frozen=True, slots=True)
class Row:
    """
    A type, tag or stage now and before.

    :param before: None where there is no earlier run
    :param is_known: whether anything that was reported tells of it
    """

    what: Described
    now: Sized
    before: Sized | None
    share: float
    is_known: bool = True

    @property
    def change(self) -> int | None:
        """Return how many customers more it has than before."""
        return None if self.before is None else self.now.customers - self.before.customers


def runs_of(retailer_id: int) -> list[SegmentRun]:
    """Return the runs of a retailer whose customers are kept, the newest first."""
    kept = Exists(CustomerSegment.objects.filter(run=OuterRef("pk")))
    runs = SegmentRun.objects.filter(kept, retailer=retailer_id).select_related("run", "retailer")
    return list(runs.order_by("-data_cut", "-pk")[:MAX_RUNS])


def written_down(runs: Sequence[SegmentRun]) -> SegmentRun | None:
    """
    Return of some runs the one that customers' lists are of: the last one of all the data.

    Neither one of an earlier cut, whenever it ran, nor one whose last order was taken back or moved since.
    """
    return max(
        (each for each in runs if each.run.is_current), key=lambda each: (each.run.ran_at, each.pk), default=None
    )


def month_before(run: SegmentRun, runs: Sequence[SegmentRun]) -> SegmentRun | None:
    """Return of some runs the one that is nearest to a month before another; None where none is earlier."""
    wanted = run.data_cut - MONTH
    earlier = [each for each in runs if each.data_cut < run.data_cut]
    return min(earlier, key=lambda each: (abs(each.data_cut - wanted), each.data_cut), default=None)


def rows_of(run: SegmentRun, before: SegmentRun | None, codes: Sequence[str]) -> list[Row]:
    """Return some types, tags or stages of a run, in their order, beside those of an earlier one."""
    words = all_described(Thresholds(**run.thresholds), predicted=run.basis == SegmentRun.Basis.PREDICTION)
    now, then = _sizes(run), _sizes(before) if before else None
    return [
        Row(
            words[code],
            now.get(code, NONE),
            None if then is None else then.get(code, NONE),
            now.get(code, NONE).customers / run.customers if run.customers else 0.0,
            is_known=code not in run.unknown,
        )
        for code in map(str, codes)
    ]


def _sizes(run: SegmentRun) -> dict[str, Sized]:
    found = {
        row.name: Sized(row.customers, row.historic_revenue, row.predicted_value, row.value_if_active)
        for row in SegmentSize.objects.filter(run=run)
    }
    return found | {str(LifeStage.NEVER_BOUGHT): Sized(run.never_bought)}


MOVED = """
SELECT coalesce(b.segment, ''), coalesce(n.segment, ''), count(*)
FROM (SELECT customer_id, segment FROM analytics_customersegment WHERE run_id = %s) b
FULL JOIN (SELECT customer_id, segment FROM analytics_customersegment WHERE run_id = %s) n USING (customer_id)
GROUP BY 1, 2
"""


def movements(before: SegmentRun, now: SegmentRun) -> Mapping[str, Mapping[str, int]]:
    """
    Return how many customers were of which type in one run, and are of which in another: by the type before, then now.

    NOBODY stands for who had not bought yet, or who has no purchase any more that was kept.
    """
    kinds = [*map(str, TYPES), NOBODY]
    found = {kind: dict.fromkeys(kinds, 0) for kind in kinds}
    for was, is_now, customers in bulk.fetch(MOVED, [before.pk, now.pk]):
        found[was][is_now] = customers
    return found
