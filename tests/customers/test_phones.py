"""One phone number in its many spellings: what is one number is found as one, and nothing else is."""

import pytest
from django.db import connection

from customers.core.countries import country_of
from customers.core.phones import Spellings, phone_key, spellings_of
from customers.core.tenancy import acting_for
from customers.models import Customer, Retailer
from tests import make
from tests.make import NOON


@pytest.mark.parametrize(
    "written",
    [
        "+33612345678", "+33 6 12 34 56 78", "+33 (0)6 12 34 56 78", "+33 06.12.34.56.78", "(+33) 6-12-34-56-78", "0033612345678",
        "00 33 (0)6 12 34 56 78", "33612345678", "06 12 34 56 78", "(0)6 12 34 56 78", "0612345678", "612345678",
        "06\u00a012\u202f34 56 78", "＋33６12345678",
    ],
)  # fmt: skip
def test_a_french_number_is_one_however_it_is_written(written: str) -> None:
    assert phone_key(written, "FR") == "+33612345678"


@pytest.mark.parametrize(
    ("written", "country", "key"),
    [
        ("06 12 34 56 78", "", "0612345678"),  # of what country, nobody knows
        ("06 12 34 56 78", "RE", "+262612345678"),
        ("0171 1234567", "DE", "+491711234567"),
        ("06 1234 5678", "IT", "+390612345678"),  # where the zero is dialled from abroad too
        ("12 34 56 78", "DK", "+4512345678"),
        ("33 12 34 56", "DK", "+4533123456"),
        ("+33 12 34 56", "DK", "+33123456"),  # too short for one in France
        ("(212) 555-1234", "US", "+12125551234"),
        ("1-212-555-1234", "US", "+12125551234"),
        ("+212 555 1234", "US", "+2125551234"),  # too short for one in Morocco
        ("44 20 7031 3000", "FR", "+442070313000"),  # too long for one in France, and one in Britain
        ("1", "FR", "+1"),
        ("0", "FR", "0"),
        ("00", "FR", ""),
        ("-", "FR", ""),
        ("", "FR", ""),
    ],
)
def test_a_number_without_its_country_is_of_the_one_in_which_it_is_dialled(
    written: str, country: str, key: str
) -> None:
    assert phone_key(written, country) == key


def test_only_spellings_that_lead_to_one_number_are_looked_for() -> None:
    at_home, abroad = spellings_of("33 12 34 56", "DK"), spellings_of("+212 555 1234", "US")

    assert at_home == Spellings(
        frozenset({"4533123456", "004533123456"}), frozenset({"33123456", "4533123456", "004533123456"})
    )
    assert abroad == Spellings(frozenset({"2125551234", "002125551234"}), frozenset({"002125551234"}))
    assert spellings_of("", "FR") == Spellings(frozenset(), frozenset())


@pytest.mark.parametrize(
    ("zone", "country"),
    [("Europe/Paris", "FR"), ("Indian/Reunion", "RE"), ("Asia/Calcutta", "IN"), ("US/Pacific", "US"), ("UTC", "")],
)
def test_a_zone_is_of_a_country(zone: str, country: str) -> None:
    assert country_of(zone) == country


STORED = {
    "plus": "+33 6 12 34 56 78", "zeros": "0033612345678", "bracket": "+33 (0)6 12 34 56 78", "home": "06.12.34.56.78",
    "bare": "612345678", "german": "+49 6 12 34 56 78", "short": "+33 6 12 34 56", "odd": "+0612345678",
    "longer": "+33612345678 9",
}  # fmt: skip


@pytest.fixture
def shop(db: None) -> Retailer:
    """A French shop with one number in five spellings, and four others that end or begin alike."""
    shop = make.retailer(zone="Europe/Paris")
    for retailer in (shop, make.retailer()):
        for name, phone in STORED.items():
            Customer.objects.create(retailer=retailer, external_id=name, phone=phone, identified_at=NOON)
    return shop


@pytest.mark.parametrize(
    "asked", ["+33612345678", "0033 6 12 34 56 78", "06 12 34 56 78", "(0)6 12 34 56 78", "33612345678"]
)
def test_a_number_finds_all_its_spellings_and_no_other(shop: Retailer, asked: str) -> None:
    found = Customer.objects.at_phone(asked, shop)

    assert sorted(each.external_id for each in found) == ["bare", "bracket", "home", "plus", "zeros"]
    assert {each.retailer_id for each in found} == {shop.pk}


@pytest.mark.parametrize(
    ("asked", "names"),
    [("+49 612345678", ["german"]), ("0612345679", []), ("0033612345", []), ("+0612345678", ["odd"]), ("-", [])],
)
def test_what_only_looks_like_a_number_is_not_it(shop: Retailer, asked: str, names: list[str]) -> None:
    assert [each.external_id for each in Customer.objects.at_phone(asked, shop)] == names


def test_where_no_country_is_known_a_number_is_found_as_it_stands(shop: Retailer) -> None:
    Retailer.objects.filter(pk=shop.pk).update(zone="UTC")
    shop.refresh_from_db()

    assert [each.external_id for each in Customer.objects.at_phone("06 12 34 56 78", shop)] == ["home"]
    found = Customer.objects.at_phone("0033612345678", shop)
    assert sorted(each.external_id for each in found) == ["bracket", "plus", "zeros"]


def test_nobody_finds_by_address_or_number_what_is_anothers(shop: Retailer) -> None:
    Customer.objects.filter(external_id="plus").update(email="ada@example.org")
    other = make.retailer()

    with acting_for(shop.pk):
        assert Customer.objects.at_address("ada@example.org", shop).count() == 1
    with acting_for(other.pk), connection.cursor() as cursor:
        for call in ("customers_with_email(%s, 'ada@example.org')", "customers_with_phone(%s, '{33612345678}')"):
            cursor.execute(f"SELECT count(*) FROM {call}", [shop.pk])
            assert cursor.fetchone() == (0,)
            cursor.execute(f"SELECT count(*) FROM {call}", [None])
            assert cursor.fetchone() == (0,)


def test_an_address_or_a_number_is_found_by_an_index(shop: Retailer) -> None:
    some = [
        Customer(retailer=shop, external_id=f"c{n}", email=f"c{n}@x.org", phone=f"+336{n:08}", identified_at=NOON)
        for n in range(9_000)
    ]
    Customer.objects.bulk_create(some)
    looks = {
        "customer_by_address": "email <> '' AND lower(email) = 'c77@x.org'",
        "customer_by_phone": "phone <> '' AND regexp_replace(phone, '[^0-9]', '', 'g') = ANY ('{33600000077}')",
    }

    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")  # as the functions look
        cursor.execute("ANALYZE customers_customer")
        plans = {}
        for name, condition in looks.items():
            asked = f"EXPLAIN (FORMAT JSON) SELECT id FROM customers_customer WHERE retailer_id = %s AND {condition}"
            cursor.execute(asked, [shop.pk])
            plans[name] = str(cursor.fetchone()[0])
        cursor.execute("SET ROLE loyalty_app")

    assert [f"'Index Name': '{name}'" in plan for name, plan in plans.items()] == [True, True]
