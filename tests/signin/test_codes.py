"""A code proves an address to who asked for it: once, for a while, in few tries, and tells nobody who is a customer."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from customers.core.tenancy import acting_for
from customers.models import Customer
from customers.registration import CustomerFact, register
from loyalty.activity.account.merging import take_merge
from loyalty.signin.addresses import NotAnAddress, normalise
from loyalty.signin.codes import CODE_LIFE, CodeOver, NotSetUp, SeveralCustomers, WrongCode, check_code, send_code
from loyalty.signin.limits import TooManySignIns
from loyalty.signin.models import SignInCode, SignInLimit
from tests import make
from tests.make import NOON
from tests.signin.signing import ADDRESS, code, mailed, member, wrong

pytestmark = pytest.mark.django_db


def test_the_code_that_is_mailed_proves_the_address_once() -> None:
    ada = member()
    asked = send_code(ada.retailer, "  ADA@Example.org ", now=NOON)
    (body,) = mailed(ada)

    found = check_code(ada.retailer, asked.challenge, f" {code(asked)[:3]} {code(asked)[3:]}", now=NOON)
    with pytest.raises(CodeOver):
        check_code(ada.retailer, asked.challenge, code(asked), now=NOON)

    assert found == ada.customer
    assert re.findall(r"\b\d{6}\b", body) == [code(asked)]
    assert str(asked.challenge) not in mail.outbox[0].message().as_string()
    assert mailed(ada) == []


def test_nothing_in_the_database_is_a_code_or_an_address() -> None:
    ada = member()

    asked = send_code(ada.retailer, ADDRESS, now=NOON, client="192.0.2.7")

    rows = f"{list(SignInCode.objects.values())} {list(SignInLimit.objects.values())}"
    assert [each in rows for each in (code(asked), ADDRESS, "192.0.2.7")] == [False] * 3


@pytest.mark.parametrize("email", ["ada@example.org", "nobody@example.org", "several@example.org"])
def test_known_and_unknown_addresses_cost_and_answer_the_same(email: str) -> None:
    ada = member()
    for name in ("bob", "bea"):
        member(name, email="several@example.org", club=ada.program)

    with CaptureQueriesContext(connection) as sent:
        asked = send_code(ada.retailer, email, now=NOON)
    with pytest.raises(WrongCode) as refusal:
        check_code(ada.retailer, asked.challenge, wrong(asked), now=NOON)

    assert (len(sent), asked.expires_at, refusal.value.facts) == (4, NOON + CODE_LIFE, {"left": 4})


def test_who_is_no_customer_gets_no_mail_and_no_code_lets_it_in() -> None:
    ada = member()

    asked = send_code(ada.retailer, "nobody@example.org", now=NOON)

    assert mailed(ada) == []
    with pytest.raises(WrongCode):
        check_code(ada.retailer, asked.challenge, code(asked), now=NOON)


def test_the_fifth_wrong_try_is_the_last_one() -> None:
    ada = member()
    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    left = []
    for _ in range(5):
        with pytest.raises(WrongCode) as refusal:
            check_code(ada.retailer, asked.challenge, wrong(asked), now=NOON)
        left.append(refusal.value.facts["left"])

    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(CodeOver):
        check_code(ada.retailer, asked.challenge, code(asked), now=NOON)


def test_a_code_ends_after_ten_minutes() -> None:
    ada = member()
    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    with pytest.raises(CodeOver):
        check_code(ada.retailer, asked.challenge, code(asked), now=NOON + timedelta(minutes=10))

    assert check_code(ada.retailer, asked.challenge, code(asked), now=NOON + timedelta(seconds=599)) == ada.customer


@pytest.mark.parametrize("challenge", ["", "x", "667bf401-b96c-41a6-9d2d-da5805e5ca06"])
def test_a_code_without_what_asked_for_it_is_worth_nothing(challenge: str) -> None:
    ada = member()
    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    with pytest.raises(CodeOver):
        check_code(ada.retailer, challenge, code(asked), now=NOON)


def test_a_code_of_one_retailer_is_worth_nothing_at_another_where_the_same_address_is_another_customer() -> None:
    ada, other = member(), member()
    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    with pytest.raises(CodeOver):
        check_code(other.retailer, asked.challenge, code(asked), now=NOON)

    assert check_code(ada.retailer, asked.challenge, code(asked), now=NOON) == ada.customer
    there = send_code(other.retailer, ADDRESS, now=NOON)
    assert check_code(other.retailer, there.challenge, code(there), now=NOON) == other.customer


def test_an_address_of_several_customers_lets_nobody_in_and_says_what_to_do() -> None:
    ada = member()
    bob = member("bob", club=ada.program)
    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    with pytest.raises(SeveralCustomers) as refusal:
        check_code(ada.retailer, asked.challenge, code(asked), now=NOON)

    assert len(mailed(ada)) == 0  # the code is used up
    assert ada.retailer.name in str(refusal.value)
    assert bob.customer.external_id not in str(refusal.value)


def test_the_code_of_several_customers_is_mailed_to_their_address() -> None:
    ada = member()
    member("bob", club=ada.program)

    send_code(ada.retailer, ADDRESS, now=NOON)

    assert len(mailed(ada)) == 1


def test_one_who_was_merged_since_signs_in_as_the_one_who_stays() -> None:
    ada = member()
    bob = member("bob", club=ada.program)
    take_merge(ada.retailer, "bob", "ada", reference="same", now=NOON)

    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    assert check_code(ada.retailer, asked.challenge, code(asked), now=NOON) == ada.customer
    assert bob.customer != ada.customer


def test_an_address_that_is_the_customers_no_more_lets_nobody_in() -> None:
    ada = member()
    asked = send_code(ada.retailer, ADDRESS, now=NOON)
    register(ada.retailer, [CustomerFact("ada", email="new@example.org")], now=NOON)

    with pytest.raises(CodeOver):
        check_code(ada.retailer, asked.challenge, code(asked), now=NOON)


@pytest.mark.parametrize(
    "email", ["", "ada", "ada@", "a b@example.org", "ada@example.org\nbcc:x@example.org", "a" * 250 + "@x.org"]
)
def test_what_is_no_address_is_refused(email: str) -> None:
    with pytest.raises(NotAnAddress):
        send_code(make.retailer(), email, now=NOON)

    assert SignInCode.objects.count() == 0


def test_addresses_are_compared_as_they_are_meant() -> None:
    assert normalise(" Ada.Lovelace+x@EXAMPLE.org\t") == "ada.lovelace+x@example.org"


def test_an_address_gets_five_codes_an_hour_from_whomever() -> None:
    ada = member()
    at = NOON + timedelta(minutes=45)
    for turn in range(5):
        send_code(ada.retailer, ADDRESS, now=at, client=f"192.0.2.{turn}")

    with pytest.raises(TooManySignIns) as refusal:
        send_code(ada.retailer, ADDRESS.upper(), now=at, client="192.0.2.99")

    assert refusal.value.facts == {"minutes": 15, "seconds": 900}
    assert SignInCode.objects.count() == 5
    send_code(ada.retailer, ADDRESS, now=at + timedelta(minutes=15))


def test_an_address_gets_twenty_codes_a_day() -> None:
    ada = member()
    for turn in range(20):
        send_code(ada.retailer, ADDRESS, now=NOON.replace(hour=1) + timedelta(minutes=30) * turn)

    with pytest.raises(TooManySignIns) as refusal:
        send_code(ada.retailer, ADDRESS, now=NOON)

    assert refusal.value.facts == {"minutes": 720, "seconds": 43_200}


def test_a_client_gets_thirty_codes_an_hour_for_whomever_and_a_hundred_tries() -> None:
    ada = member()
    asked = [send_code(ada.retailer, f"x{turn}@example.org", now=NOON, client="192.0.2.7") for turn in range(30)]

    with pytest.raises(TooManySignIns):
        send_code(ada.retailer, ADDRESS, now=NOON, client="192.0.2.7")

    for turn in range(100):
        with pytest.raises((WrongCode, CodeOver)):
            check_code(ada.retailer, asked[turn % 20].challenge, "no", now=NOON, client="192.0.2.7")
    with pytest.raises(TooManySignIns):
        check_code(ada.retailer, asked[29].challenge, code(asked[29]), now=NOON, client="192.0.2.7")
    send_code(ada.retailer, ADDRESS, now=NOON, client="192.0.2.8")


def test_a_retailers_shoppers_get_as_many_codes_as_its_site_allows(settings: Settings) -> None:
    settings.SIGNIN_CODES_PER_HOUR = 3
    ada, other = member(), member()
    for turn in range(3):
        send_code(ada.retailer, f"x{turn}@example.org", now=NOON, client=str(turn))

    with pytest.raises(TooManySignIns):
        send_code(ada.retailer, ADDRESS, now=NOON)

    assert send_code(other.retailer, ADDRESS, now=NOON).expires_at == NOON + CODE_LIFE


def test_where_no_mail_is_sent_nobody_is_left_waiting_for_one(settings: Settings) -> None:
    settings.SENDS_MAIL = False

    with pytest.raises(NotSetUp):
        send_code(make.retailer(), ADDRESS, now=NOON)


def test_another_retailer_sees_no_codes() -> None:
    ada, other = member(), member()
    send_code(ada.retailer, ADDRESS, now=NOON)

    with acting_for(other.retailer_id):
        assert (SignInCode.objects.count(), Customer.objects.at_address(ADDRESS, other.retailer).count()) == (0, 1)
