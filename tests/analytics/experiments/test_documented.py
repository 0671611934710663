"""The commands of the guide run as they are written."""

import re
from pathlib import Path

import pytest

from analytics.experiments.planning import plan_from_data
from customers.models import Retailer
from loyalty.experiments.running import start
from tests import make
from tests.analytics.experiments.test_page import said_by
from tests.analytics.experiments.test_planning import TENTH, shop
from tests.experiments.make_experiments import drafted
from tests.make import START

pytestmark = pytest.mark.django_db
GUIDE = Path(__file__).parents[3] / "docs/how-to/read-an-experiment.md"
COMMAND = re.compile(r"\$ python manage\.py experiments (.*)")


def test_the_guides_commands_run_as_written() -> None:
    owner = shop()
    Retailer.objects.filter(pk=owner.pk).update(slug="my-shop")
    draft = drafted(owner, make.program(owner), "winter-hold-out", metric="revenue", window_days=28, variants=TENTH)
    before, look, again = (line.split() for line in COMMAND.findall(GUIDE.read_text()))

    assert "detects per customer" in said_by(*before)
    start(plan_from_data(draft, author="Grace", now=START), author="Grace", now=START)
    assert "blocked" in said_by(*look)  # of so few customers nothing is told
    assert "the same to the digit" in said_by(*again)
