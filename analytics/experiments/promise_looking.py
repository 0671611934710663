"""
What a hold-out of offers tells of the report they were drawn up from: how much of what was promised is kept.

Compared are customers for whom an offer is meant, by their segment before the hold-out began, with those of the same segment
who are kept without it. Windows begin with the first offer that was given, for both alike, and follow each other for as long as
the hold-out runs. Only in the first one is what was bought before taken into account: later, an offer has changed that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np
from django.db.models import Min

from analytics.experiments.depth_looking import MIN_IN_ARM
from analytics.experiments.depth_reading import NO_MARGIN, DepthRead, Exposure, read_depths
from analytics.experiments.depth_results import offer_code
from analytics.experiments.models import ExperimentLook
from analytics.experiments.offered import Offered
from analytics.experiments.promise_reading import PROMOTED_DAYS, promoted_of
from analytics.experiments.promise_results import Kept, OfferKept, PromiseResult, WindowKept
from analytics.experiments.reading import limit_of
from analytics.experiments.results import Floats, Places, Result
from analytics.uplift.depth import Arms, Tried, differences_of
from analytics.uplift.depth_audit import OfferSeen, compare
from analytics.uplift.depth_choosing import range_of
from analytics.uplift.results import Range, Reason
from loyalty.campaigns.models import Offer, OfferGrant
from loyalty.experiments.models import Experiment, Variant

MAX_WINDOWS = 6  # the newest that are told


@dataclass(frozen=True)
class PromiseTold:
    """What is told of a promise, and the digest of what it rests on."""

    result: PromiseResult
    digest: str


@dataclass(frozen=True)
class Promised:
    """
    An offer of a report, and what that says of its depth in its segment.

    :param each: what it promises for each who is given it
    """

    offer: Offer
    segment: str
    depth: float
    each: Range


@dataclass(frozen=True)
class _Given:
    """What of a hold-out's offers was given until an instant."""

    report: ExperimentLook
    promised: Sequence[Promised]
    others: Sequence[str]
    keys: Sequence[Any]
    since: datetime


def promise_told(
    experiment: Experiment, variants: list[Variant], result: Result, known_at: datetime
) -> PromiseTold | None:
    """Return what is kept of what was promised; None where no offer of a report is held back, or nothing may be told."""
    if result.blocked is not None or experiment.form != Experiment.Form.VARIANTS:
        return None
    given = _given(experiment, known_at)
    if given is None:
        return None
    if refused := _refusals(experiment, given):
        return PromiseTold(_nothing(experiment, given, refused), "")
    return _Reading(experiment, variants, given, known_at).told()


def _given(experiment: Experiment, known_at: datetime) -> _Given | None:
    grants = OfferGrant.objects.filter(offer__hold_out=experiment, granted_at__lte=known_at)
    since = grants.aggregate(first=Min("granted_at"))["first"]
    if since is None:
        return None
    offers = list(Offer.objects.filter(pk__in=grants.values("offer")).order_by("pk"))
    looks = sorted({each.found_look for each in offers if each.found_look is not None})
    report = ExperimentLook.objects.filter(pk__in=looks[:1]).select_related("experiment").first()
    if report is None:
        return None
    found = [(each, promise_of(each, report)) for each in offers]
    return _Given(
        report, [each for _offer, each in found if each is not None], [row.code for row, each in found if each is None],
        sorted(set(grants.values_list("reward_key", flat=True))), since,
    )  # fmt: skip


def promise_of(offer: Offer, report: ExperimentLook) -> Promised | None:
    """Return what a report promised of an offer; None where it is no offer of it."""
    found = report.result.depths
    if found is None or offer.found_look != report.pk:
        return None
    for choice in found.decision.choices:
        if offer.code == offer_code(report.experiment.code, choice.segment, report.pk):
            cell = next((each for each in choice.cells if choice.depth and each.depth == choice.depth), None)
            if cell is not None:
                return Promised(offer, choice.segment, cell.depth, range_of(cell.expected, cell.expected_error))
    return None


def _refusals(experiment: Experiment, given: _Given) -> list[Reason]:
    tried = given.report.experiment
    asked = {"days": experiment.window_days, "asked": tried.window_days}
    is_other = given.report.currency != experiment.retailer.currency
    found = [
        (not given.promised, Reason("not_of_a_report")),
        (experiment.window_days != tried.window_days, Reason("other_window", asked)),
        (is_other, Reason("other_currency", {"currency": given.report.currency})),
    ]
    return [reason for holds, reason in found if holds]


def _nothing(experiment: Experiment, given: _Given, refused: Sequence[Reason]) -> PromiseResult:
    """Return a result that tells nothing, and why."""
    return PromiseResult(
        given.report.pk, given.report.experiment.code, given.since.isoformat(), experiment.window_days, refused,
        given.others, [], None, [], [],
    )  # fmt: skip


@dataclass(frozen=True)
class _Window:
    """One window of a hold-out's customers, by the offer that is meant for each: S x 2, without and with it."""

    arms: Arms
    given: Floats

    def seen(self, place: int, promised: Range) -> OfferSeen:
        seen, customers = differences_of(self.arms), self.arms.customers[place]
        return OfferSeen(
            promised, int(customers[1]), int(self.given[place]), float(seen.effects[place, 0]), float(seen.errors[place, 0]),
            int(customers.sum()),
        )  # fmt: skip

    def reason(self, place: int) -> Reason | None:
        """Return why nothing is told of an offer."""
        control, customers = (int(each) for each in self.arms.customers[place])
        if min(control, customers) < MIN_IN_ARM:
            return Reason("few_kept", {"customers": min(control, customers), "asked": MIN_IN_ARM})
        if self.given[place] < MIN_IN_ARM:
            return Reason("few_given", {"customers": int(self.given[place]), "asked": MIN_IN_ARM})
        return None


@dataclass(frozen=True)
class _Reading:
    """A hold-out's windows, read one after the other."""

    experiment: Experiment
    variants: list[Variant]
    given: _Given
    known_at: datetime

    def told(self) -> PromiseTold:
        digest, windows = sha256(self.given.since.isoformat().encode()), dict[int, _Window]()
        refused: list[Reason] = []
        for number in self._numbers():
            read = self._read(number)
            digest.update(read.digest.encode() + np.ascontiguousarray(read.had).tobytes())
            if refused := self._unknown(read):
                break
            windows[number] = self._window(read, number)
        if refused or not windows:
            why = refused or [Reason("no_window_yet", {"days": self.experiment.window_days})]
            return PromiseTold(_nothing(self.experiment, self.given, why), digest.hexdigest())
        offers = [self._offer(windows[1], place, each) for place, each in enumerate(self.given.promised)]
        found = [WindowKept(*self._whole(number, windows[number])) for number in sorted(windows)]
        start = self.known_at - timedelta(days=PROMOTED_DAYS)
        promoted = promoted_of(self.experiment, self.variants, self.given.since, start, self.known_at)
        digest.update(str(promoted).encode())
        told = replace(
            _nothing(self.experiment, self.given, []),
            offers=offers,
            whole=found[0].kept,
            windows=found,
            promoted=promoted,
        )
        return PromiseTold(told, digest.hexdigest())

    def _numbers(self) -> Sequence[int]:
        """Return the windows that are over for who was there at the beginning: the first, and the newest after it."""
        starts: Any = self.experiment.starts_at
        lasted = limit_of(self.experiment, self.known_at) - max(starts, self.given.since)
        count = lasted // timedelta(days=self.experiment.window_days)
        return [1, *range(max(2, count - MAX_WINDOWS + 2), count + 1)] if count > 0 else []

    def _read(self, number: int) -> DepthRead:
        offered = Offered("amount", "", None, {}, list(self.given.keys), "", has_cost=True)
        offers = list(Offer.objects.filter(hold_out=self.experiment).order_by("pk").values_list("pk", flat=True))
        exposure = Exposure(self.given.since, number - 1, offers)
        return read_depths(self.experiment, self.variants, offered, self.known_at, exposure)

    def _unknown(self, read: DepthRead) -> list[Reason]:
        """Return what is not known of customers or costs."""
        by_segment = any(each.offer.segments for each in self.given.promised)
        found = [
            (read.basis == NO_MARGIN, Reason("costs_unknown")),
            (by_segment and not read.segments_from, Reason("segments_unknown")),
        ]
        return [reason for holds, reason in found if holds]

    def _window(self, read: DepthRead, number: int) -> _Window:
        meant = self._meant(read)
        control = next(place for place, each in enumerate(self.variants) if each.is_control)
        of = meant >= 0
        units, count = read.units, len(self.given.promised)
        has = (units.part[of] != control).astype(np.int32)
        before = units.before[of] if number == 1 else None
        tried = Tried(meant[of], has, units.earned[of], units.bought[of] > 0, before)
        given = np.bincount(meant[of][(has == 1) & read.had[of]], minlength=count).astype(np.float64)
        return _Window(Arms.of(tried, count, 2), given)

    def _meant(self, read: DepthRead) -> Places:
        """Return for each unit the place of the offer that is meant for it, -1 for none."""
        by_segment = np.full(len(read.segments), -1, dtype=np.int32)
        for place, each in reversed(list(enumerate(self.given.promised))):
            for position, name in enumerate(read.segments):
                if not each.offer.segments or name in each.offer.segments:
                    by_segment[position] = place
        meant: Places = by_segment[read.units.segment]
        return meant

    def _offer(self, window: _Window, place: int, promised: Promised) -> OfferKept:
        reason, seen = window.reason(place), window.seen(place, promised.each)
        return OfferKept(
            promised.offer.code, promised.segment, promised.depth, seen.customers, int(window.arms.customers[place, 0]),
            seen.given, seen.promised, None if reason else kept([seen]), reason,
        )  # fmt: skip

    def _whole(self, number: int, window: _Window) -> tuple[int, int, Kept | None]:
        """Return a window's number, who was given an offer in it, and what is kept of those that can be told."""
        seen = [
            window.seen(place, each.each)
            for place, each in enumerate(self.given.promised)
            if window.reason(place) is None
        ]
        return number, int(window.given.sum()), kept(seen) if seen else None


def kept(offers: Sequence[OfferSeen]) -> Kept:
    """Return what was promised of offers beside what they do, and that for all who were given one."""
    found, given = compare(offers), sum(each.given for each in offers)
    realised = found.realised
    total = Range(*(each * given for each in (realised.value, realised.error, realised.low, realised.high)))
    return Kept(found.promised, realised, found.verdict, found.kept, total)
