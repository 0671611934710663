"""How many discounts a member is given at most: by whatever offers, in its own last days, exactly, and told with its reason."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from loyalty.activity.account.merging import take_merge
from loyalty.campaigns.models import DiscountCap as CapRow
from loyalty.campaigns.models import OfferGrant, OfferRefusal, Recipient
from loyalty.campaigns.offering.discounts import caps_of, set_caps
from loyalty.campaigns.offering.managing import withdraw_offer
from loyalty.campaigns.offering.taking import decline_offer
from loyalty.campaigns.reasons import rule_in_words
from loyalty.campaigns.rules.discounts import DiscountCap, full
from loyalty.programs.models import Program
from tests import make
from tests.campaigns.make_offers import DAY, TEN_OFF, ask, budget, club, granted, offer, reasons
from tests.campaigns.test_api import told
from tests.campaigns.test_offer_edges import Caller
from tests.make import NOON

SEAT = {"code": "seat", "kind": "experience", "cost": Decimal(5), "codes": "generated"}
A_FIFTH = {"code": "a-fifth", "kind": "percent_off", "percent": Decimal(20), "codes": "generated"}
JUNE_16 = date(2026, 6, 16)


def caps(program: Program, *said: tuple[int, int]) -> None:
    set_caps(program, [DiscountCap(*each) for each in said], author="staff", now=NOON)


@pytest.mark.parametrize(
    ("said", "given_on", "until"),
    [
        ([(2, 30)], [], None),
        ([(2, 30)], [1], None),
        ([(2, 30)], [1, 1], date(2026, 7, 1)),
        ([(2, 30)], [1, 16, 16], date(2026, 7, 16)),  # both of today have to leave
        ([(1, 1)], [15], None),
        ([(1, 1)], [16], date(2026, 6, 17)),
        ([(1, 7), (2, 30)], [1, 15], date(2026, 7, 1)),  # of two that are broken, the one that frees last
        ([(1, 7), (3, 30)], [1, 15], date(2026, 6, 22)),
        ([(2, 15)], [1, 1], None),  # the first of June has left a window of fifteen days
        ([(2, 16)], [1, 1], date(2026, 6, 17)),
    ],
)
def test_a_cap_is_broken_until_enough_have_left_its_window(
    said: list[tuple[int, int]], given_on: list[int], until: date | None
) -> None:
    found = full([DiscountCap(*each) for each in said], [date(2026, 6, day) for day in given_on], JUNE_16)

    assert (found and found.until) == until


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.tuples(st.integers(1, 3), st.integers(1, 9)), min_size=1, max_size=3),
    st.lists(st.integers(0, 40), max_size=25),
)
def test_whoever_asks_when_no_window_ever_holds_more_than_its_cap(said: list[tuple[int, int]], days: list[int]) -> None:
    limits = [DiscountCap(*each) for each in said]
    got: list[date] = []
    for day in (date(2026, 1, 1) + timedelta(days=each) for each in sorted(days)):
        found = full(limits, got, day)
        fits = all(sum(day - timedelta(days=cap.days) < each for each in got) < cap.limit for cap in limits)
        assert (found is None) == fits
        if found is None:
            got.append(day)
        else:
            assert full(limits, got, found.until) is None  # it is free on the day that was told

    for cap in limits:
        for end in got:
            assert sum(end - timedelta(days=cap.days) < each <= end for each in got) <= cap.limit


@pytest.mark.django_db
def test_a_member_has_no_more_discounts_by_whatever_offers_and_is_told_from_when_on() -> None:
    program = club(TEN_OFF, SEAT, A_FIFTH)
    tens, fifths = offer(program), offer(program, rewards=["a-fifth"], at_most=Decimal(10))
    seats = offer(program, rewards=["seat"])
    ada, bob = make.member(program), make.member(program)
    caps(program, (2, 30))

    found = [ask(tens, ada, because="a"), ask(fifths, ada, because="b"), ask(tens, ada, bob, because="c")]

    assert [reasons(each) for each in found] == [[""], [""], ["discount_capped", ""]]
    (refused,) = OfferRefusal.objects.all()
    assert (refused.offer, refused.customer, refused.rule, refused.reserves) == (
        tens, ada.customer, "2_per_30_days:2026-07-15", 10,
    )  # fmt: skip
    assert budget(tens) == (20, 0)
    assert reasons(ask(seats, ada)) == [""]  # a seat is no discount
    assert reasons(ask(tens, ada, because="d", at=datetime.fromisoformat("2026-07-14T23:59Z"))) == ["discount_capped"]
    assert reasons(ask(tens, ada, because="d", at=datetime.fromisoformat("2026-07-15T00:00Z"))) == [""]
    assert list(OfferGrant.objects.order_by("pk").values_list("is_discount", flat=True)) == [
        True, True, True, False, True,
    ]  # fmt: skip


@pytest.mark.django_db
def test_each_that_was_given_counts_but_not_what_the_retailer_withdrew() -> None:
    program = club()
    wrong, tens = offer(program), offer(program)
    ada = make.member(program)
    caps(program, (1, 30))
    granted(wrong, ada)

    assert reasons(ask(tens, ada, because="a")) == ["discount_capped"]
    withdraw_offer(wrong, now=NOON)
    mine = granted(tens, ada, because="b")
    decline_offer(mine, now=NOON)

    assert reasons(ask(tens, ada, because="c")) == ["discount_capped"]


@pytest.mark.django_db
def test_one_batch_keeps_to_it_and_what_was_given_for_a_fact_before_is_given_still() -> None:
    program = club()
    tens = offer(program)
    ada = make.member(program)
    caps(program, (1, 30))

    found = ask(tens, ada, ada, because="a")
    other = ask(tens, ada, because="b")
    again = ask(tens, ada, because="a")

    assert [each.grant_id for each in found] == [again[0].grant_id] * 2
    assert reasons(other) == ["discount_capped"]
    assert again[0].is_new is False


@pytest.mark.django_db
def test_of_a_slot_who_had_enough_discounts_gets_what_is_none() -> None:
    program = club(TEN_OFF, SEAT)
    offer(program, rewards=["seat"], slot="spring", code="seats")
    tens = offer(program, slot="spring", priority=20)
    ada = make.member(program)
    granted(offer(program), ada, because="earlier")
    caps(program, (1, 30))

    assert granted(tens, ada).offer.code == "seats"
    assert list(OfferRefusal.objects.values_list("offer", "reason")) == [(tens.pk, "discount_capped")]


@pytest.mark.django_db
def test_days_are_those_of_where_the_member_is() -> None:
    program = club()
    tens = offer(program)
    ada, bob = make.member(program), make.member(program)
    Recipient.objects.create(customer=ada.customer, retailer=ada.retailer, zone="Pacific/Auckland")  # 12 hours ahead
    caps(program, (1, 1))
    ask(tens, ada, bob, because="a", at=datetime.fromisoformat("2026-06-16T11:00Z"))

    found = ask(tens, ada, bob, because="b", at=datetime.fromisoformat("2026-06-16T12:00Z"))

    assert reasons(found) == ["", "discount_capped"]


@pytest.mark.django_db
def test_who_was_merged_has_the_discounts_of_both() -> None:
    program = club()
    tens = offer(program)
    ada, bob = make.member(program), make.member(program)
    caps(program, (1, 30))
    granted(tens, bob)
    ids = (bob.customer.external_id, ada.customer.external_id)
    take_merge(program.retailer, *ids, reference="crm", now=NOON)

    assert reasons(ask(tens, ada, because="b")) == ["discount_capped"]
    assert reasons(ask(tens, ada, because="c", at=NOON + 30 * DAY)) == [""]


@pytest.mark.django_db
def test_another_programs_discounts_do_not_count_and_caps_that_are_gone_hold_nobody() -> None:
    shop = make.retailer()
    program, other = club(owner=shop), club(owner=shop)
    ada = make.member(program)
    hers = make.member(other, ada.customer.external_id)
    assert hers.customer_id == ada.customer_id
    caps(program, (1, 30))
    granted(offer(other), hers)
    tens = offer(program)
    granted(tens, ada)

    assert reasons(ask(tens, ada, because="b")) == ["discount_capped"]
    caps(program)
    assert reasons(ask(tens, ada, because="c")) == [""]


def test_it_stands_in_words() -> None:
    assert rule_in_words("2_per_30_days:2026-07-15") == ("discounts, at most 2 in 30 days: again from July 15, 2026 on")
    assert rule_in_words("1_per_1_days:2026-07-15") == "discounts, at most 1 in 1 day: again from July 15, 2026 on"


class Retailer(Caller):
    """A retailer whose system caps discounts."""

    def put(self, body: Any, query: str = "", slug: str = "") -> Any:
        address = f"/api/v1/discount-caps/{slug or self.club.slug}{query}"
        return self.client.put(address, body, content_type="application/json", **self.its)  # type: ignore[arg-type]


def numbers(said: Any) -> list[tuple[int, int]]:
    return [(each["limit"], each["days"]) for each in said["caps"]]


@pytest.mark.django_db
def test_it_is_kept_who_set_a_cap_and_one_that_stays_is_still_theirs() -> None:
    here = Retailer()
    caps(here.club, (1, 7), (2, 30))

    said = told(here.put({"caps": [{"limit": 1, "days": 7}, {"limit": 3, "days": 30}]}))["caps"]

    assert [(each["limit"], each["days"], each["set_by"]) for each in said] == [(1, 7, "staff"), (3, 30, "key test")]
    assert datetime.fromisoformat(said[0]["set_at"]) == NOON < datetime.fromisoformat(said[1]["set_at"])


def kept() -> list[tuple[int, int, str, str]]:
    """Return all caps that there ever were, with who set and who lifted them."""
    return list(CapRow.objects.order_by("pk").values_list("limit", "days", "set_by", "lifted_by"))


@pytest.mark.django_db
def test_a_cap_that_is_lifted_or_followed_by_another_one_stays_with_who_did_that(client: Client) -> None:
    here = Retailer()
    caps(here.club, (1, 7), (2, 30), (9, 90))
    client.force_login(User.objects.create_superuser("sue"))

    told(here.put({"caps": [{"limit": 3, "days": 30}, {"limit": 9, "days": 90}]}))
    month, quarter = CapRow.objects.in_force().order_by("days")
    client.post(reverse("admin:campaigns_discountcap_change", args=[month.pk]), {"limit": 4, "days": 30})
    client.post(reverse("admin:campaigns_discountcap_delete", args=[quarter.pk]), {"post": "yes"})

    by_staff, by_key = [(1, 7, "staff", "key test"), (2, 30, "staff", "key test")], [(3, 30, "key test", "sue")]
    assert sorted(kept()) == sorted([*by_staff, *by_key, (4, 30, "sue", ""), (9, 90, "staff", "sue")])
    assert caps_of(here.club.pk) == [DiscountCap(4, 30)]
    assert numbers(told(here.get(f"discount-caps/{here.club.slug}", here.its))) == [(4, 30)]
    page = client.get(reverse("admin:campaigns_discountcap_changelist"), {"cap": "lifted"}).content.decode()
    assert page.count("key test") == 3
    caps(here.club, (1, 7))
    assert caps_of(here.club.pk) == [DiscountCap(1, 7)]


@pytest.mark.django_db
def test_who_lifts_a_cap_reads_that_it_stays_and_finds_who_did_that(client: Client) -> None:
    here = Retailer()
    caps(here.club, (1, 7))
    client.force_login(User.objects.create_superuser("sue"))
    (cap,) = CapRow.objects.in_force()
    lifting = reverse("admin:campaigns_discountcap_delete", args=[cap.pk])

    asked = client.get(lifting).content.decode()
    lifted = client.post(lifting, {"post": "yes"}, follow=True)

    assert "It stays to be read among the caps that are lifted" in asked
    assert "will be deleted" not in asked
    assert [str(each) for each in lifted.context["messages"]] == ["The cap is lifted: from now on it holds nobody."]
    assert lifted.redirect_chain == [(reverse("admin:campaigns_discountcap_change", args=[cap.pk]), 302)]
    page = lifted.content.decode()
    assert (page.count("Lifted by"), "sue" in page, "staff" in page) == (1, True, True)


@pytest.mark.django_db
def test_staff_are_told_of_a_second_cap_for_as_many_days_and_set_a_lifted_one_again(client: Client) -> None:
    here = Retailer()
    caps(here.club, (1, 7), (2, 30), (9, 90))
    caps(here.club, (1, 7), (2, 30))
    client.force_login(User.objects.create_superuser("sue"))
    week, add = CapRow.objects.get(days=7), reverse("admin:campaigns_discountcap_add")
    its = {"retailer": here.club.retailer_id, "program": here.club.pk}

    added = client.post(add, its | {"limit": 4, "days": 30})
    changed = client.post(reverse("admin:campaigns_discountcap_change", args=[week.pk]), {"limit": 4, "days": 30})

    for answer in (added, changed):
        assert answer.status_code == 200
        assert "This program has a cap for so many days already: change that one." in answer.content.decode()
    assert caps_of(here.club.pk) == [DiscountCap(1, 7), DiscountCap(2, 30)]
    assert client.post(add, its | {"limit": 8, "days": 90}).status_code == 302
    assert caps_of(here.club.pk) == [DiscountCap(1, 7), DiscountCap(2, 30), DiscountCap(8, 90)]


@pytest.mark.django_db
def test_a_system_caps_discounts_reads_its_caps_and_is_told_why_somebody_has_none() -> None:
    here = Retailer()
    path = f"discount-caps/{here.club.slug}"

    assert told(here.get(path, here.its)) == {"program": here.club.slug, "caps": []}
    tried = told(here.put({"caps": [{"limit": 1, "days": 7}]}, "?dry_run=true"))
    assert (tried["program"], numbers(tried), tried["dry_run"]) == (here.club.slug, [(1, 7)], True)
    assert CapRow.objects.count() == 0
    both = [{"limit": 6, "days": 365}, {"limit": 1, "days": 7}]
    assert numbers(told(here.put({"caps": both}))) == [(1, 7), (6, 365)]
    assert numbers(told(here.put({"caps": both[1:]}))) == [(1, 7)]

    told(here.given(), 201)
    refused = told(here.given(because="complaint:2"))
    until = (here.now + timedelta(days=7)).date()
    assert (refused["reason"], refused["rule"]) == ("discount_capped", f"1_per_7_days:{until.isoformat()}")
    assert told(here.get(f"offers/{here.spring.code}", here.its))["refused"] == {"discount_capped": 1}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"caps": [{"limit": 0, "days": 7}]}, "/caps/0/limit"),
        ({"caps": [{"limit": 1, "days": 401}]}, "/caps/0/days"),
        ({"caps": [{"limit": 1, "days": 7}, {"limit": 2, "days": 7}]}, "/caps"),
        ({}, "/caps"),
    ],
)
def test_a_system_is_told_what_is_wrong_with_its_caps(body: Any, pointer: str) -> None:
    here = Retailer()

    refused = told(here.put(body), 400)

    assert refused["errors"][0]["pointer"] == pointer
    assert CapRow.objects.count() == 0
    assert told(here.put({"caps": []}, slug="nowhere"), 404)["code"] == "not_found"


@pytest.mark.django_db
def test_staff_caps_discounts_in_the_admin_and_reads_why_somebody_has_none(client: Client) -> None:
    client.force_login(User.objects.create_superuser("sue", email="sue@shop.example"))
    program = club()
    tens = offer(program)
    ada = make.member(program)

    answer = client.post(
        reverse("admin:campaigns_discountcap_add"),
        {"retailer": program.retailer_id, "program": program.pk, "limit": 1, "days": 30},
    )
    granted(tens, ada)
    ask(tens, ada, because="b")
    page = client.get(reverse("admin:campaigns_offerrefusal_changelist"))

    assert answer.status_code == 302
    assert (str(CapRow.objects.get()), CapRow.objects.get().set_by) == ("at most 1 in 30 days", "sue")
    assert "discounts, at most 1 in 30 days: again from July 15, 2026 on" in page.content.decode()
    other = make.published(make.version(make.retailer()))
    wrong = client.post(
        reverse("admin:campaigns_discountcap_add"),
        {"retailer": program.retailer_id, "program": other.pk, "limit": 1, "days": 30},
    )
    assert "This program is another retailer" in wrong.content.decode()
