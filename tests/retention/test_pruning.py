"""What is over is deleted, block by block, and nothing else; who left off before it is told so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import call_command
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from customers.models import Retailer
from loyalty.access.inviting import invite
from loyalty.access.models import PasswordReset
from loyalty.api.models import IdempotencyRecord
from loyalty.outbox.endpoints import add_endpoint
from loyalty.outbox.models import Delivery, Event, FeedStart
from loyalty.outbox.relay import dispatch
from loyalty.retention import pruning
from loyalty.retention.pruning import prune
from loyalty.retention.rules import RULES, Rule
from loyalty.signin.codes import send_code
from tests import make
from tests.api.test_integration import call
from tests.outbox.test_feed import tell
from tests.signin.signing import ADDRESS
from tests.signin.test_sessions import signed_in

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY = timedelta(days=1)
BY_NAME = {rule.name: rule for rule in RULES}


@pytest.fixture
def shop() -> Retailer:
    shop = make.retailer()
    add_endpoint(shop, "https://shop.example/hook")
    return shop


def told(shop: Retailer, *points: int, delivered: bool = True) -> list[Event]:
    """Let some events be dispatched at NOW, and delivered."""
    tell(shop, *points)
    dispatch(now=NOW)
    if delivered:
        Delivery.objects.update(delivered_at=NOW, due_at=None)
    return list(Event.objects.order_by("position"))


def of(name: str, now: datetime) -> int:
    (found,) = prune(now=now, rules=[BY_NAME[name]])
    return found.rows


def test_each_kind_goes_when_it_is_over_and_not_a_moment_earlier(shop: Retailer) -> None:
    ada = make.member(make.program(shop), "ada")
    type(ada.customer).objects.update(email=ADDRESS)
    ada.refresh_from_db()
    Event.objects.all().delete()
    events = len(told(shop, 1))
    IdempotencyRecord.objects.create(
        credential="c", key="k", request_digest="", status=201, content_type="", body=b"", created_at=NOW
    )
    make.token(ada.customer, now=NOW)
    signed_in(ada, at=NOW)
    send_code(shop, ADDRESS, now=NOW, client="192.0.2.7")
    Session.objects.create(session_key="s", session_data="", expire_date=NOW + 14 * DAY)
    PasswordReset.objects.create(email=ADDRESS, site="https://example.org", asked_at=NOW)
    invite(shop, ADDRESS, "owner", by="sue", now=NOW - 7 * DAY)
    second = timedelta(seconds=1)
    ends = {
        "deliveries": 30 * DAY + second, "events": 90 * DAY + second, "answers": 7 * DAY + second,
        "member-tokens": DAY / 2, "member-sessions": 7 * DAY, "sign-in-codes": DAY + second,
        "sign-in-tries": DAY / 2, "staff-sessions": 14 * DAY, "password-resets": DAY + second, "invitations": 365 * DAY + second,
    }  # fmt: skip
    assert ends.keys() == BY_NAME.keys()

    found = {name: (of(name, NOW + ends[name] - second), of(name, NOW + ends[name])) for name in sorted(ends)}

    one_each = dict.fromkeys(ends, (0, 1))
    assert found == one_each | {"deliveries": (0, events), "events": (0, events), "sign-in-tries": (3, 1)}


def test_an_event_that_somebody_waits_for_is_kept(shop: Retailer) -> None:
    told(shop, 1, delivered=False)
    kept = Event.objects.count()

    pruned = of("events", NOW + 400 * DAY)
    Delivery.objects.update(is_dead=True, due_at=None)

    assert (pruned, of("events", NOW + 400 * DAY)) == (0, kept)
    assert Delivery.objects.count() == 0


def test_days_are_a_setting(shop: Retailer, settings: Settings) -> None:
    events = len(told(shop, 1))
    settings.EVENTS_KEPT_DAYS = 3

    assert (of("events", NOW + 3 * DAY), of("events", NOW + 4 * DAY)) == (0, events)


def test_a_block_is_deleted_by_itself_and_time_ends_between_blocks(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    monkeypatch.setattr(pruning, "BLOCK", 2)
    for place in range(5):
        IdempotencyRecord.objects.create(
            credential="c", key=str(place), request_digest="", status=201, content_type="", body=b"", created_at=NOW
        )
    rule = BY_NAME["answers"]

    (nothing,) = prune(now=NOW + 9 * DAY, rules=[rule], seconds=-1)
    with django_assert_num_queries(3 * 4):  # savepoint, keys, delete, release
        (all_of_them,) = prune(now=NOW + 9 * DAY, rules=[rule], seconds=60)

    assert (nothing.rows, nothing.is_done, all_of_them.rows, all_of_them.is_done) == (0, False, 5, True)


def test_a_reader_who_left_off_before_what_is_deleted_is_told_so(client: Client, shop: Retailer) -> None:
    key, other = make.key(shop), make.key(make.retailer())
    first, *_, last = told(shop, 1, 2, 3)
    positions = [first.position or 0, last.position or 0]
    of("events", NOW + 91 * DAY)
    told(shop, 4)
    ask = "events?after={}".format

    behind, there, fresh = (call(client, key, ask(each)) for each in (positions[0], positions[1], 0))
    of_other = call(client, other, ask(positions[0]))

    assert (behind.status_code, behind.json()["code"]) == (410, "position_gone")
    assert behind.json()["detail"].endswith(f"then go on with after={positions[1]}.")
    assert [each.status_code for each in (there, fresh, of_other)] == [200, 200, 200]
    assert there.json()["events"] == fresh.json()["events"] != []


def test_where_a_feed_starts_never_goes_back(shop: Retailer) -> None:
    told(shop, 1, 2)
    of("events", NOW + 91 * DAY)
    start = FeedStart.objects.get().position
    early = told(shop, 3)[0]
    Event.objects.filter(pk=early.pk).update(position=1)

    of("events", NOW + 91 * DAY)

    assert FeedStart.objects.get().position >= start


def test_the_command_counts_or_deletes(shop: Retailer, capsys: pytest.CaptureFixture[str]) -> None:
    Session.objects.create(session_key="s", session_data="", expire_date=NOW)

    call_command("prune", "--dry-run")
    counted, left = capsys.readouterr().out, Session.objects.count()
    call_command("prune", "--only", "staff-sessions")
    deleted: Any = capsys.readouterr().out

    assert "staff-sessions           1  when they end" in counted
    assert "answers                  0  kept for 7 days" in counted
    assert (deleted.split(), left, Session.objects.count()) == (["staff-sessions", "1", "when", "they", "end"], 1, 0)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_every_rule_is_documented(rule: Rule) -> None:
    listed = Path("docs/how-to/production.md").read_text(encoding="utf-8")

    assert f"`{rule.name}`" in listed
    assert not rule.setting or f"`{rule.setting}`" in Path("docs/reference/settings.md").read_text(encoding="utf-8")
