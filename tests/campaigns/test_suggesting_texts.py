"""Texts that name products for whoever reads them: by its own profile where it allows one, and by nothing of it where not."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, PopularProduct, Product, Retailer, Suggestion
from loyalty.campaigns.journeys.looking_again import look_again
from loyalty.campaigns.messages.sending import send
from loyalty.campaigns.messages.texts import names_products
from loyalty.campaigns.models import Step
from loyalty.campaigns.publishing.previewing import preview
from loyalty.memberships.models import Membership
from tests import make
from tests.campaigns.make_campaigns import NOON, Box, ada, campaign, due, says, send_all, shop

pytestmark = pytest.mark.django_db
TEXT = "{% if again %}Again: {{ again }}. New: {{ new_to_you }}.{% else %}Popular: {{ popular }}.{% endif %}"


def shelf(owner: Retailer) -> None:
    """Let a retailer have products, of which some are suggested to whoever nothing else is."""
    Retailer.objects.filter(pk=owner.pk).update(has_suggestions=True)
    owner.refresh_from_db()
    for sku, name in (("TEA", "Green tea"), ("CUP", "A cup"), ("POT", "Pot"), ("JAM", "Jam"), ("BUN", "")):
        Product.objects.create(retailer=owner, sku=sku, name=name, updated_at=make.START)
    for rank, sku in enumerate(("JAM", "BUN"), 1):
        PopularProduct.objects.create(retailer=owner, rank=rank, sku=sku, run_id=1)


def likes(owner: Retailer, who: Customer, kind: str, *skus: str) -> None:
    for rank, sku in enumerate(skus, 1):
        Suggestion.objects.create(
            retailer=owner, customer=who, list=kind, rank=rank, sku=sku, reason="bought", run_id=1
        )


def spoken(owner: Retailer, step: Step, *members: Membership) -> dict[str, str]:
    box = Box()
    due(step, *members)
    send_all(owner, NOON, box)
    return {each.address.partition("@")[0]: each.text.splitlines()[0] for each in box.taken}


def test_a_message_names_the_products_of_each_ones_own_profile_where_it_allows_one() -> None:
    owner = shop()
    club = make.program(owner)
    shelf(owner)
    agrees, refuses, french = (ada(club, name) for name in ("agrees", "refuses", "french"))
    for who in (agrees, refuses, french):
        likes(owner, who.customer, "again", "TEA", "CUP", "POT", "JAM")
        likes(owner, who.customer, "new", "CUP", "BUN")
    for who in (agrees, french):
        says(who.customer, "profiling", at=make.START)
    says(refuses.customer, "profiling", at=make.START)
    says(refuses.customer, "profiling", granted=False, at=NOON - timedelta(hours=1))
    type(french.customer).objects.filter(pk=french.customer_id).update(language="fr")
    step = campaign(club, texts={"en": TEXT, "fr": TEXT.replace("Again", "Encore")})

    found = spoken(owner, step, agrees, refuses, french)

    assert found["agrees"] == "Again: Green tea, A cup and Pot. New: BUN."
    assert found["refuses"] == "Popular: Jam and BUN."
    assert found["french"].startswith("Encore: Green tea, A cup")


def test_what_is_out_of_stock_is_not_named_and_of_whom_nothing_is_known_reads_what_is_popular() -> None:
    owner = shop()
    club = make.program(owner)
    shelf(owner)
    known, unknown = (ada(club, name) for name in ("known", "unknown"))
    for who in (known, unknown):
        says(who.customer, "profiling", at=make.START)
    likes(owner, known.customer, "again", "TEA", "CUP")
    Product.objects.filter(sku__in=["TEA", "JAM"]).update(in_stock=False)
    step = campaign(club, texts={"en": TEXT, "fr": TEXT})

    assert spoken(owner, step, known, unknown) == {"known": "Again: A cup. New: .", "unknown": "Popular: BUN."}


def test_where_a_retailer_suggests_nothing_the_text_says_so_by_itself() -> None:
    owner = shop()
    club = make.program(owner)
    step = campaign(club, texts={"en": "Hello{% if popular %} {{ popular }}{% endif %}.", "fr": "Bonjour"})

    assert spoken(owner, step, ada(club)) == {"ada": "Hello."}


def test_a_preview_names_them_as_the_member_reads_them() -> None:
    owner = shop()
    club = make.program(owner)
    shelf(owner)
    member = ada(club)
    says(member.customer, "profiling", at=make.START)
    likes(owner, member.customer, "again", "TEA", "POT")
    step = campaign(club, texts={"en": TEXT, "fr": TEXT})
    member.retailer.refresh_from_db()

    assert preview(step, member, "email", "en", now=NOON).body == "Again: Green tea and Pot. New: ."


def test_two_statements_name_them_for_thirty_and_none_where_no_text_does() -> None:
    owner = shop()
    club = make.program(owner)
    shelf(owner)
    silent = campaign(club, texts={"en": "See you again", "fr": "À bientôt"})
    naming = campaign(club, texts={"en": TEXT, "fr": TEXT})

    def statements(step: Step, number: int) -> int:
        due(step, *(ada(club, make.number("m")) for _ in range(number)))
        with CaptureQueriesContext(connection) as sent:
            send(owner, look_again=look_again, clock=lambda: NOON, providers={"http": Box(), "inbox": Box()})
        return sum(
            name in (each["sql"] or "")
            for each in sent
            for name in ("FROM customers_suggestion", "FROM customers_popular")
        )

    assert [statements(silent, 3), statements(naming, 1), statements(naming, 30)] == [0, 2, 2]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("See you again", False),
        ("{{ again }}", True),
        ("{% if new_to_you %}x{% endif %}", True),
        ("{{ first_name }} again", False),
        ("{{ popular|upper }}", True),
        ("{{ program }} is popular", False),
    ],
)
def test_a_text_names_products_by_its_values_and_not_by_its_words(text: str, names: bool) -> None:  # noqa: FBT001 - a column
    assert names_products(text) is names


def test_products_of_one_name_are_named_once() -> None:
    owner = shop()
    club = make.program(owner)
    shelf(owner)
    Product.objects.create(retailer=owner, sku="JAM2", name="Jam", updated_at=make.START)
    PopularProduct.objects.filter(sku="BUN").update(rank=3)
    PopularProduct.objects.create(retailer=owner, rank=2, sku="JAM2", run_id=1)
    step = campaign(club, texts={"en": "{{ popular }}"})

    assert spoken(owner, step, ada(club)) == {"ada": "Jam and BUN"}
