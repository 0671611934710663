"""The demo's recommendations: how its products are called, who allows a profile, and one run over the whole year."""

from datetime import datetime

from analytics.demonstration.dataset import Journey
from analytics.recommendations.models import RecommendationRun
from analytics.recommendations.running import latest_run, recommend
from analytics.recommendations.words import lists_said
from customers.cataloguing import ProductFact, record_products
from customers.models import Consent, Customer, Retailer
from customers.registration import record_consent
from loyalty.programs.models import Program

AT_ONCE = 5_000  # products
ONE_OF = 5  # members do not allow a profile
WORDING = "I allow Complete Journey to suggest products by what I bought."


def suggest(club: Program, journey: Journey, *, email: str, now: datetime) -> RecommendationRun:
    """
    Tell of the products, let four of five members allow a profile, and recommend; the first time only.

    :param email: of the member who can sign in, who allows it
    """
    retailer = club.retailer
    if (run := latest_run(retailer.pk)) is not None:
        return run
    _tell_products(retailer, journey, now)
    members = Customer.objects.filter(memberships__program=club).order_by("external_id")
    for place, customer in enumerate(members):
        if place % ONE_OF or customer.email == email:
            record_consent(
                customer,
                Consent.Purpose.PROFILING,
                granted=True,
                occurred_at=now,
                source="web",
                wording=WORDING,
                now=now,
            )
    return recommend(retailer, now=now)


def _tell_products(retailer: Retailer, journey: Journey, now: datetime) -> None:
    """Tell how each product is called: by its type and the size of its package, for the package has no names."""
    columns = journey.transactions[["product_id", "product_type", "package_size"]].drop_duplicates("product_id")
    facts = [
        ProductFact(str(sku), name=_name(kind, size), product_type=kind if isinstance(kind, str) else None)
        for sku, kind, size in columns.itertuples(index=False)
    ]
    for first in range(0, len(facts), AT_ONCE):
        record_products(retailer, facts[first : first + AT_ONCE], now=now)


def _name(kind: object, size: object) -> str | None:
    if not isinstance(kind, str):
        return None
    words = " ".join(kind.split()).capitalize()
    return f"{words}, {' '.join(size.split()).lower()}" if isinstance(size, str) else words


def told(retailer: Retailer) -> list[str]:
    """Return what is suggested, and how right that was."""
    run = latest_run(retailer.pk)
    return [
        f"{said.title}: {said.served}. Recall of 10: "
        + (", ".join(f"{each.name} {each.recall}" for each in said.methods) or "not tried")
        for said in (lists_said(run) if run else ())
    ]
