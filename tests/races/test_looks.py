"""Looks at an experiment at once: what they see alike is kept once."""

import pytest

from analytics.experiments.looking import look
from analytics.experiments.models import ExperimentLook
from tests import make
from tests.analytics.experiments.shops import CLOSED, experiment, persons
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")


def test_two_who_look_at_once_have_one_look_between_them() -> None:
    owner = make.retailer()
    persons(owner, 4)
    test = experiment(owner)

    first, second = interleaved(
        lambda: look(test, author="Grace", now=CLOSED),
        lambda: look(test, now=CLOSED),
        after='FROM "analytics_experimentlook"',
    )

    assert first == second == ExperimentLook.objects.get()
