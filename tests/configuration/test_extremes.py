"""Every number and date of a program's document at its extremes: refused with words and their place, or it works."""

from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import models, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from customers.core.calendar import add_months
from loyalty.activity.nightly import run_nights
from loyalty.activity.rewards.catalogue import forget_offers
from loyalty.activity.versions import forget_versions
from loyalty.configuration.checking import check
from loyalty.configuration.document import check_document, to_document
from loyalty.configuration.drafts import open_draft, publish
from loyalty.configuration.parts import SECTIONS, SINGLE, fields_of
from loyalty.planning.plan import plan, said
from loyalty.programs.models import ProgramVersion
from tests import make
from tests.conftest import HUNTS

pytestmark = pytest.mark.django_db
ROWS: dict[str, Any] = {
    "wallets": [{"code": "points", "name": "Points"}],
    "earning_groups": [{"code": "best"}],
    "earning_rules": [
        {"code": "base", "name": "Base", "points": "1"},
        {"code": "review", "name": "Review", "kind": "per_interaction", "interaction": "review", "points": "5"},
    ],
    "tier_policy": {},
    "tiers": [
        {"code": "bronze", "name": "Bronze", "threshold": "0"}, {"code": "silver", "name": "Silver", "threshold": "50"},
    ],
    "plans": [{"code": "plus", "name": "Plus", "price": "10.00", "trial_days": 7}],
    "rewards": [
        {"code": "five-off", "name": "Five off", "kind": "amount_off", "points": 10, "value": "5", "codes": "generated"},
        {"code": "forest", "name": "Forest", "kind": "donation", "points": 10, "points_per_unit": 10},
    ],
    "reward_prices": [{"code": "cheaper", "reward": "five-off", "tier": "silver", "points": 5}],
    "referrals": [{"code": "friends", "link": "https://shop.example/{code}", "advocate_points": 10, "friend_points": 5}],
    "badges": [{"code": "regular", "name": "Regular"}],
    "challenges": [{"code": "three", "name": "Three", "metric": "count", "target": "3", "badge": "regular", "points": 5}],
    "boards": [{"code": "top", "name": "Top", "metric": "points"}],
}  # fmt: skip
WHOLE: tuple[Any, ...] = (0, 1, 32_767, 32_768, 2**31 - 1, 2**31, 2**63, 10**30, -1, True, 1.5, "7")
NUMBERS: tuple[Any, ...] = (
    "0", "0.0001", "0.00001", "1", "99999.9999", "999999.9999", "999999999.99", "999999999999.99", "1000000000000", "9" * 40,
    "0." + "0" * 40 + "1", "-1", "-0", "1e5", "NaN", "Infinity",
)  # fmt: skip
DAYS: tuple[Any, ...] = (
    "0001-01-01", "1899-12-31", "1970-01-01", "2026-02-30", "2199-12-31", "9999-12-31", "0000-00-00", "10000-01-01", "today",
)  # fmt: skip
DATES = ("02-29", "02-30", "04-31", "06-31", "00-10", "13-01", "12-00", "1-1", "12-32", "")
LISTS: dict[str, tuple[Any, ...]] = {
    "expiry_dates": (
        *([each] for each in DATES), ["02-28"] * 2, ["12-31", "01-01"], [f"01-{day:02}" for day in range(1, 32)],
    )
}  # fmt: skip


def cases() -> Iterator[tuple[str, int, str, Any]]:
    """Yield each field of each part that holds a number or a day, with its extremes."""
    for section, model in SECTIONS.items():
        rows = 1 if section == SINGLE else len(ROWS[section])
        for row in range(rows):
            for field in fields_of(model):
                for value in extremes(field):
                    yield section, row, field.name, value


def extremes(field: Any) -> tuple[Any, ...]:
    if field.name in LISTS:
        return LISTS[field.name]
    if isinstance(field, models.BooleanField) or field.choices:
        return ()
    kinds = ((models.IntegerField, WHOLE), (models.DecimalField, NUMBERS), (models.DateField, DAYS))
    return next((values for kind, values in kinds if isinstance(field, kind)), ())


def document(version: ProgramVersion, section: str, row: int, name: str, value: Any) -> dict[str, Any]:
    found = {**to_document(version), **deepcopy(ROWS)}
    place = found[section] if section == SINGLE else found[section][row]
    place[name] = value
    if name == "expiry_dates":
        place["expiry"] = "fixed_dates"
    if name == "expiry_count":
        place["expiry"] = "months"
    if name == "window_months":
        place["window"] = "rolling"
    if name == "grace_days":
        place["downgrade"] = "grace"
    return found


@dataclass(frozen=True)
class Desk:
    """A retailer's system and staff, and the draft that they edit."""

    draft: ProgramVersion
    staff: Client
    system: Client
    headers: dict[str, str]


@pytest.fixture
def desk() -> Desk:
    draft, staff = make.version(), Client()
    staff.force_login(User.objects.create_superuser("root"))
    return Desk(draft, staff, Client(), {"authorization": f"Api-Key {make.key(draft.program.retailer)}"})


def try_out(desk: Desk, document: dict[str, Any]) -> str:
    """Return whether a document was not published, or lived through."""
    draft = ProgramVersion.objects.get(pk=desk.draft.pk)
    address = f"/api/v1/programs/{draft.program.slug}/versions/1"
    etag = desk.system.get(address, headers=desk.headers)["ETag"]
    headers = {**desk.headers, "if-match": etag}
    put = desk.system.put(address, document, content_type="application/json", headers=headers)
    assert put.status_code == 200, put.content
    now = timezone.now()
    findings = check(draft)
    for name in ("page", "plan"):
        assert desk.staff.get(reverse(f"admin:programs_programversion_{name}", args=[draft.pk])).status_code == 200
    said(plan(draft, effective_from=now, now=now))
    if any(finding.is_error for finding in findings):
        assert all(finding.message for finding in findings)
        return "not published"
    publish(draft, effective_from=now - timedelta(days=800), now=now)
    live(desk, draft)
    return "lived"


def live(desk: Desk, published: ProgramVersion) -> None:
    """Let a member join, buy, review, want a plan and a reward, and bring back; and time pass."""
    club, now = published.program, timezone.now()
    ada = make.member(club, "ada", since=now - timedelta(days=700), born=date(2000, 2, 29))
    bought = make.buys(ada, "60.00", "40.00", at=now - timedelta(days=400), recorded=now)
    make.buys(ada, "20.00", at=now - timedelta(days=1), recorded=now)
    run_nights(club, until=now.date(), now=now)
    reads = ["", "/statement", "/forecast", "/balance", "/rewards", "/plan", "/challenges", "/badges", "/referrals"]
    asked = [f"members/{ada.number}{each}" for each in reads]
    asked += [f"programs/{club.slug}/month-end?month=2026-10", f"programs/{club.slug}/boards/top"]
    writes = [
        ("plan/join", {"plan": "plus"}), ("rewards/redemptions", {"reward": "five-off", "reference": "r1"}),
        ("rewards/redemptions", {"reward": "forest", "reference": "r2", "points": 20}),
        ("holds", {"points": 1, "reference": "h1"}),
    ]  # fmt: skip
    for name, body in writes:
        address = f"/api/v1/members/{ada.number}/{name}"
        answer = desk.system.post(address, body, content_type="application/json", headers=desk.headers)
        assert answer.status_code in {200, 201, 404, 409, 422}, (name, answer.content)
    make.returns(ada, bought, (1, "1"), at=now - timedelta(hours=1))
    for path in asked:
        answer = desk.system.get(f"/api/v1/{path}", headers=desk.headers)
        assert answer.status_code in {200, 404}, (path, answer.content)
    draft = open_draft(club)
    said(plan(draft, effective_from=now, now=now))


def refused(document: dict[str, Any]) -> bool:
    """Tell whether a document is refused, with words and their place."""
    found = check_document(document)
    assert all(finding.message and finding.place for finding in found)
    return bool(found)


def lived_through(desk: Desk, section: str) -> Iterator[tuple[str, int, str, Any]]:
    """
    Yield of each field the values that are not refused: all in a long run, else the first of one and the last of the next.

    A life takes a second or two, and there are hundreds.
    """
    fields = groupby((each for each in cases() if each[0] == section), key=lambda each: each[:3])
    for place, (_field, several) in enumerate(fields):
        taken = [each for each in several if not refused(document(desk.draft, *each))]
        yield from taken if HUNTS else taken[:1] if place % 2 else taken[-1:]


@pytest.mark.slow
@pytest.mark.parametrize("section", list(SECTIONS))
def test_every_number_and_day_at_its_extremes_is_refused_with_words_or_works(section: str, desk: Desk) -> None:
    ends: Counter[str] = Counter()
    wrong = []
    for each in lived_through(desk, section):
        try:
            with transaction.atomic():
                ends[try_out(desk, document(desk.draft, *each))] += 1
                transaction.set_rollback(True)
        except Exception as error:  # noqa: BLE001 - all of them are told
            wrong.append((each, type(error).__name__, str(error)[:300]))
        forget_versions()  # which were undone
        forget_offers()

    print(section, dict(ends))  # noqa: T201 - the figures, told with -s
    assert wrong == []
    assert ends["lived"] or section in NOTHING_TO_LIVE


NOTHING_TO_LIVE = {"earning_groups", "reward_prices"}


@pytest.mark.parametrize(
    ("section", "name", "value"),
    [
        ("tier_policy", "window_months", 32_767), ("tier_policy", "window_months", 1_201), ("tiers", "extra_months", 1_201),
        ("wallets", "expiry_count", 1_201), ("wallets", "pending_until", "9999-12-31"),
        ("wallets", "pending_until", "0001-01-01"),
        ("rewards", "last_day", "9999-12-31"), ("challenges", "first_day", "0001-01-01"), ("boards", "last_day", "9999-12-31"),
        ("wallets", "expiry_dates", ["02-30"]), ("wallets", "expiry_dates", ["04-31"]),
    ],
)  # fmt: skip
def test_what_calendars_cannot_count_is_refused_with_its_place(desk: Desk, section: str, name: str, value: Any) -> None:
    found = check_document(document(desk.draft, section, 0, name, value))

    assert [finding.place.split("/")[-1] for finding in found] == [name]
    assert found[0].message


@pytest.mark.parametrize(
    ("months", "day"), [(-32_767, date(2, 1, 1)), (120_000, date(9_998, 12, 31)), (1, date(2026, 7, 15))]
)
def test_months_end_where_calendars_do(months: int, day: date) -> None:
    assert add_months(date(2026, 6, 15), months) == day
