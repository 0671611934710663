"""What one statement counts is what one counts by hand, path by path, whatever happened in whatever order."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from analytics.paths.reading import count_funnel
from analytics.paths.touchpoints import RANKS, FunnelSteps, Touch
from customers.facts import InteractionFact
from customers.recording import record_interactions
from tests import make
from tests.analytics.paths.shops import NOW, at
from tests.analytics.paths.test_funnels import MARCH

KINDS = {Touch.VISIT: "visit", Touch.VIEW: "product_view", Touch.CART: "cart_abandoned", Touch.REVIEW: "review"}
WHEN = st.integers(0, 40).map(lambda halves: at(halves / 2))
PATHS = st.lists(st.lists(st.tuples(st.sampled_from(list(KINDS)), WHEN), max_size=9), min_size=1, max_size=4)
FUNNELS = st.builds(
    FunnelSteps, st.lists(st.sampled_from(list(KINDS)), min_size=2, max_size=4).map(tuple), st.integers(1, 6)
)


def furthest(path: list[tuple[Touch, datetime]], funnel: FunnelSteps) -> int:
    """Return how far somebody came, by trying each start and taking each next step as soon as it can be taken."""
    facts = sorted({(when, RANKS[touch]) for touch, when in path})
    best = 0
    for start, (begun, rank) in enumerate(facts):
        if rank != funnel.ranks[0]:
            continue
        step, end = 1, begun + timedelta(days=funnel.window_days)
        for when, kind in facts[start + 1 :]:
            if step < len(funnel.steps) and kind == funnel.ranks[step] and when < end:
                step += 1
        best = max(best, step)
    return best


@pytest.mark.django_db
class TestFunnels(TestCase):
    @settings(max_examples=60, deadline=None)
    @given(PATHS, FUNNELS)
    def test_the_statement_counts_what_is_counted_by_hand(
        self, paths: list[list[tuple[Touch, datetime]]], funnel: FunnelSteps
    ) -> None:
        shop = make.retailer(zone="UTC")
        facts = [
            InteractionFact(make.number("i"), f"c{place}", KINDS[touch], when)
            for place, path in enumerate(paths)
            for touch, when in path
        ]
        record_interactions(shop, facts, now=NOW)

        (found,) = count_funnel(shop, funnel, MARCH).results

        by_hand = [furthest(path, funnel) for path in paths]
        expected = [sum(each >= step for each in by_hand) for step in range(1, len(funnel.steps) + 1)]
        assert [each.counted.reached for each in found.stages] == expected
