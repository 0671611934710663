"""Many try one code, or ask for many, at the same moment: each try counts, one use wins, and no limit is passed."""

from collections.abc import Callable
from threading import Barrier, Thread

import pytest
from django.db import connection

from customers.core.errors import DomainError
from customers.models import Customer
from loyalty.signin.codes import check_code, code_of, send_code
from loyalty.signin.models import MemberSession, SignInCode
from loyalty.signin.sessions import end_all
from tests import make
from tests.make import NOON
from tests.signin.signing import ADDRESS, member

pytestmark = pytest.mark.usefixtures("committed_db")
SENDERS = 20


def at_once(work: Callable[[int], object]) -> list[str]:
    """Do something as often as there are senders, at the same moment; return what became of each: done, or why not."""
    barrier, became = Barrier(SENDERS), []

    def run(place: int) -> None:
        barrier.wait(30)
        try:
            work(place)
            became.append("done")
        except DomainError as error:
            became.append(error.code)
        finally:
            connection.close()

    threads = [Thread(target=run, args=(place,)) for place in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(became)


def test_wrong_tries_at_the_same_moment_count_each() -> None:
    ada = member()
    asked = send_code(ada.retailer, ADDRESS, now=NOON)

    became = at_once(lambda place: check_code(ada.retailer, asked.challenge, f"x{place}", now=NOON, client=str(place)))

    assert became == ["code_over"] * 15 + ["wrong_code"] * 5
    assert SignInCode.objects.get().tries == 5


def test_a_code_that_many_use_at_the_same_moment_is_used_once() -> None:
    ada = member()
    asked = send_code(ada.retailer, ADDRESS, now=NOON)
    code = code_of(asked.challenge)

    became = at_once(lambda place: check_code(ada.retailer, asked.challenge, code, now=NOON, client=str(place)))

    assert became == ["code_over"] * 19 + ["done"]


def test_no_more_codes_are_sent_at_the_same_moment_than_one_after_the_other() -> None:
    ada = member()

    became = at_once(lambda place: send_code(ada.retailer, ADDRESS, now=NOON, client=str(place)))

    assert became == ["done"] * 5 + ["too_many_signins"] * 15
    assert SignInCode.objects.count() == 5


def test_who_signs_out_everywhere_has_no_session_left() -> None:
    ada = member()
    customer = Customer.objects.get(pk=ada.customer_id)
    for place in range(3):
        MemberSession.objects.create(
            retailer=ada.retailer, customer=customer, digest=str(place), began_at=NOON, seen_at=NOON, ends_at=NOON
        )
    make.token(customer)

    at_once(lambda _: end_all(customer))

    assert MemberSession.objects.count() == 0
