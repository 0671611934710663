"""The demo's fourth retailer: its roll-out is told with an interval that holds the truth, and again changes nothing."""

from datetime import UTC, datetime

import numpy as np
import pytest

from analytics.demonstration import simulated_stores
from analytics.demonstration.simulated_stores import BEFORE, EFFECT, STORES, WITH_IT
from analytics.roll_outs.models import RollOutRun
from analytics.roll_outs.running import judged_of, latest
from customers.models import Order

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 30, 20, 0, tzinfo=UTC)
LATER = datetime(2027, 1, 3, 8, 0, tzinfo=UTC)


def test_what_is_told_of_its_roll_out_holds_the_truth_and_again_changes_nothing() -> None:
    retailer = simulated_stores.load(now=NOW)

    run = latest(retailer)
    assert run is not None
    judged = judged_of(run)
    assert judged is not None
    sold, with_it = simulated_stores.drawn()
    truth = sold[with_it, BEFORE:].mean() * EFFECT / (1 + EFFECT)
    assert (len(sold), len(with_it), len(run.stores)) == (STORES, WITH_IT, WITH_IT)
    assert run.began_on.isoformat() == "2026-05-01"
    assert judged.grade == "B"
    assert 0 < judged.effect.low < truth < judged.effect.high
    assert Order.objects.count() == np.size(sold) * len(simulated_stores.WEEKS)
    before = (Order.objects.count(), RollOutRun.objects.count())

    assert simulated_stores.load(now=LATER) == retailer

    assert (Order.objects.count(), RollOutRun.objects.count()) == before
