"""What facts hold on a person: customers' own part of an export and of an erasure."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from customers.core import bulk
from customers.core.guards import forgetting
from customers.importing.forgetting import forget_rows
from customers.models import (
    Consent,
    Customer,
    CustomerMerge,
    Insight,
    Interaction,
    Order,
    OrderClaim,
    OrderRevision,
    Return,
    Suggestion,
    UndecidedFact,
)
from customers.privacy import Part, Person, Rows, Section

KNOWN = (
    "external_id", "email", "phone", "first_name", "last_name", "birth_date", "language", "acquisition_channel",
    "identified_at", "recorded_at",
)  # fmt: skip
OF_ORDER = (
    "number", "occurred_at", "currency", "net_amount", "shipping_amount", "paid_with_points", "channel", "store",
    "promotion_code", "is_gift", "identified_by", "redemptions", "version", "recorded_at",
)  # fmt: skip
OF_LINE = ("position", "sku", "category", "brand", "quantity", "unit_price", "discount", "net_amount", "is_gift_card")
OF_INTERACTION = (
    "number",
    "kind",
    "occurred_at",
    "channel",
    "sku",
    "score",
    "topic",
    "outcome",
    "comment",
    "recorded_at",
)
OF_INSIGHT = (
    "as_of", "horizon_days", "currency", "historic_revenue", "historic_margin", "formula_value", "predicted_value",
    "value_low", "value_high", "value_if_active", "expected_purchases", "expected_order_value", "probability_active",
    "probability_of_buying", "at_risk", "value_decile", "segment", "tags", "life_stage", "rfm", "favourite_category",
    "favourite_brand",
)  # fmt: skip


OF_SUGGESTION = ("list", "rank", "sku", "reason", "because_sku", "days_bought")


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return who a person is, what it agreed to, what it bought and brought back, and what it did besides."""
    ids = person.ids
    return [
        Section("person", _("What is known of you"), Customer.objects.filter(pk__in=ids).order_by("pk").values(*KNOWN)),
        Section("consents", _("What you agreed to, and what you withdrew"), _consents(person)),
        Section("orders", _("Your orders"), _orders(person)),
        Section("earlier_orders", _("What orders said before they were corrected"), _revisions(person)),
        Section("returns", _("What you brought back"), _returns(person)),
        Section("interactions", _("What you did besides buying"), _rows(Interaction, person, OF_INTERACTION)),
        Section("merges", _("Customers who turned out to be you"), _merges(person)),
        Section("claims", _("Orders that you claimed"), _claims(person)),
        Section("insight", _("What was learned of you"), _rows(Insight, person, OF_INSIGHT)),
        Section("suggestions", _("What you were thought to like"), _rows(Suggestion, person, OF_SUGGESTION)),
    ]


def _rows(model: Any, person: Person, names: tuple[str, ...]) -> Rows:
    rows: Rows = model.objects.filter(customer__in=person.ids).order_by("pk").values(*names)
    return rows


def _consents(person: Person) -> Rows:
    rows = Consent.objects.filter(customer__in=person.ids).newest_first().reverse()
    return [
        {"purpose": row.purpose, "what": row.get_purpose_display(), "granted": row.granted, "occurred_at": row.occurred_at,
         "source": row.source, "wording": row.wording, "recorded_at": row.recorded_at}
        for row in rows
    ]  # fmt: skip


def _orders(person: Person) -> Rows:
    orders = Order.objects.filter(customer__in=person.ids).order_by("occurred_at", "pk").prefetch_related("lines")
    return [
        {name: getattr(order, name) for name in OF_ORDER}
        | {"lines": [{name: getattr(line, name) for name in OF_LINE} for line in sorted(order.lines.all(), key=_place)]}
        for order in orders
    ]


def _place(line: Any) -> int:
    return int(line.position)


def _revisions(person: Person) -> Rows:
    rows = OrderRevision.objects.filter(order__customer__in=person.ids).order_by("pk")
    return rows.values("version", "content", "replaced_at")


def _returns(person: Person) -> Rows:
    rows = Return.objects.filter(order__customer__in=person.ids).order_by("occurred_at", "pk")
    return [
        {
            "number": row.number,
            "order": row.order.number,
            "occurred_at": row.occurred_at,
            "net_amount": row.net_amount,
            "lines": [
                {
                    "position": line.line.position,
                    "sku": line.line.sku,
                    "quantity": line.quantity,
                    "net_amount": line.net_amount,
                }
                for line in row.lines.all()
            ],
        }
        for row in rows.select_related("order").prefetch_related("lines__line")
    ]


def _merges(person: Person) -> Rows:
    rows = CustomerMerge.objects.filter(target__in=person.ids).order_by("pk").select_related("source")
    return [
        {"customer": row.source.external_id, "reference": row.reference, "merged_at": row.merged_at} for row in rows
    ]


def _claims(person: Person) -> Rows:
    rows = OrderClaim.objects.filter(customer__in=person.ids).order_by("pk").select_related("order")
    return [{"order": row.order.number, "reference": row.reference, "claimed_at": row.claimed_at} for row in rows]


# The hash of what was reported is of the customer's id, too: who knows all ids could try them. Another one says nothing.
SHUFFLE = """
UPDATE {table} t SET content_hash = decode(md5(gen_random_uuid()::text), 'hex'){changes} WHERE {condition}
"""
OF_PERSON = "t.customer_id = ANY(%s)"
OF_ITS_ORDERS = "t.order_id IN (SELECT id FROM customers_order WHERE customer_id = ANY(%s))"


def erase(person: Person, _now: datetime) -> None:
    """Keep orders and what came back of them, without a trace of whose they were."""
    ids = list(person.ids)
    for table, changes in (("customers_order", ""), ("customers_interaction", ", comment = ''")):
        bulk.execute(SHUFFLE.format(table=table, changes=changes, condition=OF_PERSON), [ids])
    with forgetting(OrderRevision):
        changes = """, content = content || '{"customer": null}'"""
        bulk.execute(SHUFFLE.format(table="customers_orderrevision", changes=changes, condition=OF_ITS_ORDERS), [ids])
    with forgetting(OrderClaim, CustomerMerge, Consent):
        OrderClaim.objects.filter(customer__in=ids).update(reference="")
        CustomerMerge.objects.filter(target__in=ids).update(reference="")
        Consent.objects.filter(customer__in=ids).delete()
    Insight.objects.filter(customer__in=ids).delete()
    Suggestion.objects.filter(customer__in=ids).delete()
    UndecidedFact.objects.filter(customer__in=ids).update(error="")
    forget_rows(person.retailer, _cells(person))


def _cells(person: Person) -> dict[str, set[str]]:
    """Return what a line of a file has in its columns, by their names, if it is of the person."""
    rows = list(Customer.objects.filter(pk__in=person.ids).values_list("email", "phone"))
    names = set(person.names)
    return {
        "external_id": names,
        "customer": names,
        "email": {email for email, _phone in rows if email},
        "phone": {phone for _email, phone in rows if phone},
    }


PART = Part(
    "customers",
    (
        "customers_customer", "customers_consent", "customers_order", "customers_orderline", "customers_orderevent",
        "customers_orderrevision", "customers_orderclaim", "customers_customermerge", "customers_return",
        "customers_returnline", "customers_interaction", "customers_insight", "customers_suggestion",
        "customers_undecidedfact",
        "customers_factchange", "customers_importjob", "customers_importmapping", "customers_erasure",
    ),
    holds=holds,
    erase=erase,
)  # fmt: skip
