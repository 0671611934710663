"""Lots that were transferred before they led to the first one do so after the migration."""

from importlib import import_module

import pytest
from django.db import connection

from loyalty.activity.account.households import transfer
from loyalty.points.models import Lot
from tests import make
from tests.make import NOON

pytestmark = pytest.mark.django_db


def test_the_migration_leads_every_transferred_lot_to_its_first(as_owner: None) -> None:
    club = make.program(points={"may_transfer": True})
    ada, bob, eve = (make.member(club) for _ in range(3))
    for amount in ("30.00", "20.00"):
        make.buys(ada, amount)
    for turn, (giver, taker) in enumerate([(ada, bob), (bob, eve), (eve, ada), (ada, bob)]):
        transfer(giver, taker, 45, reference=f"t{turn}", now=NOON)
    right = dict(Lot.objects.values_list("pk", "origin"))

    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # without triggers, as before there was one
        cursor.execute("UPDATE points_lot SET origin_id = NULL")
        cursor.execute(import_module("loyalty.points.migrations.0011_closed_months_and_origins").ORIGINS)
        cursor.execute("SET LOCAL session_replication_role = origin")

    assert dict(Lot.objects.values_list("pk", "origin")) == right
    assert len([origin for origin in right.values() if origin]) == 9
