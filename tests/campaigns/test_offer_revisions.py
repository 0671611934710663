"""Documents of offers say of which state they were made: one that is outdated is refused, with what has changed since."""

from typing import Any

import pytest

from customers.models import Retailer
from loyalty.campaigns.models import Offer
from loyalty.campaigns.offering.checking import OF_ROW, schema
from loyalty.campaigns.offering.documents import apply_document, check, to_document, written_out
from loyalty.campaigns.offering.managing import set_budget, start
from loyalty.campaigns.offering.outdated import NoOfferToChange, OfferChangedSince
from loyalty.campaigns.rules.revisions import OF_OFFER
from loyalty.configuration.plain_yaml import read_yaml, to_yaml
from tests.campaigns.make_offers import offer
from tests.campaigns.test_offer_documents import DOCUMENT, WHOLE, Tool, shop
from tests.make import NOON

pytestmark = pytest.mark.django_db


def begun() -> tuple[Retailer, dict[str, Any]]:
    """Return a retailer with an offer, and its document as it is written out."""
    owner = shop().retailer
    row = apply_document(owner, DOCUMENT, now=NOON)
    return owner, read_yaml(to_yaml(written_out(row)))


def present() -> dict[str, Any]:
    return to_document(Offer.objects.get(code="spring"))


def test_what_was_written_out_and_changed_is_applied() -> None:
    owner, document = begun()
    assert list(document)[:4] == ["offer", "program", "code", "revision"]

    apply_document(owner, document | {"budget": "50"}, now=NOON)

    assert present() == DOCUMENT | {"budget": "50"}


def test_what_is_outdated_is_refused_with_what_has_changed_since_and_changes_nothing() -> None:
    owner, document = begun()
    apply_document(owner, document | {"budget": "50", "slot": "home"}, now=NOON)
    before = present()

    with pytest.raises(OfferChangedSince) as refused:
        apply_document(owner, document | {"budget": "900"}, now=NOON)

    assert present() == before
    assert "see budget, slot." in str(refused.value)
    assert [(each.place, each.message) for each in refused.value.findings] == [
        ("budget", "It is now: 50"), ("slot", "It is now: home"),
    ]  # fmt: skip
    found = check(owner, document | {"budget": "900"}, now=NOON)
    assert [(each.code, each.place) for each in found] == [("changed_meanwhile", "revision")]


def test_a_budget_that_somebody_raised_by_hand_is_not_overwritten() -> None:
    owner, document = begun()
    row = start(Offer.objects.get(code="spring"), now=NOON)
    set_budget(row, row.budget.limit + 100)

    with pytest.raises(OfferChangedSince, match="see budget"):
        apply_document(owner, document | {"budget": "150"}, now=NOON)
    apply_document(owner, {name: said for name, said in document.items() if name != "revision"}, now=NOON)

    assert present()["budget"] == "100.5"


@pytest.mark.parametrize("budget", ["50", 50, "50.00"])
def test_the_same_again_is_not_refused_however_it_is_written(budget: Any) -> None:
    owner, document = begun()
    for _ in range(2):
        apply_document(owner, document | {"budget": budget, "priority": 10, "tiers": [], "at_most": None}, now=NOON)

    assert present() == DOCUMENT | {"budget": "50"}


def test_of_an_offer_that_is_not_here_there_is_nothing_to_change() -> None:
    owner, document = begun()

    with pytest.raises(NoOfferToChange, match="Leave “revision” out to make a new one"):
        apply_document(owner, document | {"code": "other"}, now=NOON)
    with pytest.raises(NoOfferToChange):
        apply_document(shop().retailer, document, now=NOON)

    assert Offer.objects.filter(retailer=owner).count() == 1


@pytest.mark.parametrize("said", ["", "latest", "x" * 16, "x" * 2_000, 7, None])
def test_what_is_no_revision_is_refused_at_its_place(said: Any) -> None:
    owner, document = begun()

    assert {each.place for each in check(owner, document | {"revision": said}, now=NOON)} == {"revision"}


def test_a_revision_knows_all_that_a_document_may_say() -> None:
    assert set(OF_OFFER) == set(schema()["properties"]) - {"revision"}
    assert set(OF_ROW) < set(OF_OFFER)
    program = shop()
    offer(program, code="other", rewards=["stay"], is_live=False)
    row = apply_document(program.retailer, WHOLE, now=NOON)

    assert written_out(row)["revision"].count(".") == len(OF_OFFER)


def test_by_api_it_is_a_conflict_that_says_where() -> None:
    tool = Tool()
    revision = tool.post("offer-documents/apply", DOCUMENT)[1]["revision"]
    hers = tool.post("offer-documents/apply", DOCUMENT | {"revision": revision, "budget": "50"})

    status, said = tool.post("offer-documents/apply", DOCUMENT | {"revision": revision, "budget": "900"})

    assert (hers[0], status, said["code"]) == (200, 409, "changed_meanwhile")
    assert [(each["pointer"], each["detail"]) for each in said["errors"]] == [("/budget", "It is now: 50")]
    assert tool.post("offer-documents/plan", DOCUMENT | {"revision": revision, "budget": "900"})[0] == 409
    assert tool.post("offer-documents/apply", DOCUMENT | {"revision": hers[1]["revision"], "budget": "60"})[0] == 200
