"""What is suggested to a customer, and what goes with a product or an order, as the last recommendation run wrote it down."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from customers.core import bulk
from customers.core.consents import NEWEST_FIRST
from customers.core.values import dataclass
from customers.models import Customer, Order, RelatedProduct, Retailer, SuggestionList, SuggestionReason

LIMIT = 10
# A profile is used only while it is allowed, whatever was written down before. What is out of stock by now is left out, and what
# somebody bought since (or so long ago that no run reads it, or as another one who was merged with it) is not new to it.
MAY_BE_SHOWN = "p.in_stock IS NOT false AND p.is_suggested IS NOT false"
WANTED = f"""
WITH allowed AS (
    SELECT granted FROM customers_consent WHERE customer_id = %(customer)s AND purpose = 'profiling' AND occurred_at <= %(at)s
    ORDER BY {NEWEST_FIRST} LIMIT 1
), bought AS MATERIALIZED (
    SELECT DISTINCT l.sku FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
    WHERE o.customer_id = %(customer)s
), own AS (
    SELECT s.list, s.rank, s.sku, coalesce(p.name, '') AS name, s.reason, s.because_sku, s.days_bought, s.run_id
    FROM customers_suggestion s LEFT JOIN customers_product p ON p.retailer_id = %(retailer)s AND p.sku = s.sku
    WHERE s.customer_id = %(customer)s AND coalesce((SELECT granted FROM allowed), false) AND {MAY_BE_SHOWN}
        AND (s.list <> '{SuggestionList.NEW}' OR s.sku NOT IN (SELECT sku FROM bought))
), shown AS (
    SELECT * FROM own
    UNION ALL
    SELECT '', s.rank, s.sku, coalesce(p.name, ''), 'popular', '', 0, s.run_id
    FROM customers_popularproduct s LEFT JOIN customers_product p ON p.retailer_id = %(retailer)s AND p.sku = s.sku
    WHERE s.retailer_id = %(retailer)s AND NOT EXISTS (SELECT 1 FROM own) AND {MAY_BE_SHOWN}
)
SELECT s.list, s.sku, s.name, s.reason, s.because_sku, coalesce(b.name, ''), s.days_bought, s.run_id
FROM shown s LEFT JOIN customers_product b ON b.retailer_id = %(retailer)s AND b.sku = s.because_sku
ORDER BY s.list, s.rank
"""
RELATED = f"""
SELECT r.relation, r.related_sku, coalesce(p.name, ''), r.sku, coalesce(o.name, '')
FROM customers_relatedproduct r
LEFT JOIN customers_product p ON p.retailer_id = r.retailer_id AND p.sku = r.related_sku
LEFT JOIN customers_product o ON o.retailer_id = r.retailer_id AND o.sku = r.sku
WHERE r.retailer_id = %(retailer)s AND r.sku = ANY(%(skus)s) AND r.related_sku <> ALL(%(skus)s)
    AND {MAY_BE_SHOWN}
ORDER BY r.relation, r.rank, array_position(%(skus)s::text[], r.sku::text)
"""


@dataclass(frozen=True, slots=True)
class Suggested:
    """
    A product for somebody.

    :param name: its name, or the SKU where no name is known
    :param because: the name of the customer's own product that it goes with; empty where there is none
    """

    sku: str
    name: str
    reason: str
    because_sku: str = ""
    because: str = ""
    days_bought: int = 0

    @property
    def words(self) -> str:
        """Why it is suggested, in the reader's language."""
        if self.reason == SuggestionReason.BOUGHT:
            times = ngettext("You bought it on %(days)s day", "You bought it on %(days)s days", self.days_bought)
            return times % {"days": self.days_bought}
        return _words(self.reason) % {"product": self.because}


def _words(reason: str) -> str:
    said: Mapping[str, str] = {
        SuggestionReason.TOGETHER: _("Often bought together with %(product)s"),
        SuggestionReason.BECAUSE: _("Customers who buy %(product)s like it"),
        SuggestionReason.ALIKE: _("Customers who buy as you do like it"),
        SuggestionReason.CATEGORY: _("Popular in your favourite category"),
        SuggestionReason.POPULAR: _("Much bought of late"),
    }
    return said[reason]


@dataclass(frozen=True, slots=True)
class Suggestions:
    """
    What is suggested to somebody.

    :param is_personal: whether it is of its own profile; else both lists are what is popular
    :param run_id: the run that it is of; None where nothing is suggested
    """

    again: Sequence[Suggested] = ()
    new: Sequence[Suggested] = ()
    is_personal: bool = False
    run_id: int | None = None


def suggestions_for(customer: Customer, retailer: Retailer, *, at: datetime, limit: int = LIMIT) -> Suggestions:
    """
    Return what is suggested to a customer; what is popular to one who does not allow a profile, or of whom nothing is known
    that may be shown.

    No statement where the retailer suggests nothing, else one.
    """
    if not retailer.has_suggestions:
        return Suggestions()
    rows = bulk.fetch(WANTED, {"customer": customer.pk, "retailer": retailer.pk, "at": at})
    if not rows:
        return Suggestions()
    lists: dict[str, list[Suggested]] = {}
    for name, sku, called, reason, because_sku, because, days, _run in rows:
        made = Suggested(sku, called or sku, reason, because_sku, because or because_sku, days)
        lists.setdefault(name, []).append(made)
    run_id = max(row[-1] for row in rows)
    if "" in lists:
        return Suggestions(lists[""][:limit], lists[""][:limit], is_personal=False, run_id=run_id)
    again = lists.get(SuggestionList.AGAIN, [])[:limit]
    # Both lists stand on one page, and a reader knows products by their names: what it buys each week is not new in a new pack.
    shown = {each.name for each in again}
    new = [each for each in lists.get(SuggestionList.NEW, []) if each.name not in shown][:limit]
    return Suggestions(again, new, is_personal=True, run_id=run_id)


# Of many at once, each by its own consent.
OF_MANY = f"""
WITH allowed AS (
    SELECT DISTINCT ON (customer_id) customer_id, granted FROM customers_consent
    WHERE customer_id = ANY(%(customers)s) AND purpose = 'profiling' AND occurred_at <= %(at)s
    ORDER BY customer_id, {NEWEST_FIRST}
), bought AS MATERIALIZED (
    SELECT DISTINCT o.customer_id, l.sku FROM customers_order o JOIN customers_orderline l ON l.order_id = o.id
    WHERE o.customer_id = ANY(%(customers)s)
)
SELECT s.customer_id, s.list, coalesce(nullif(p.name, ''), s.sku)
FROM customers_suggestion s JOIN allowed a ON a.customer_id = s.customer_id AND a.granted
LEFT JOIN customers_product p ON p.retailer_id = s.retailer_id AND p.sku = s.sku
WHERE s.retailer_id = %(retailer)s AND {MAY_BE_SHOWN}
    AND (s.list <> '{SuggestionList.NEW}' OR (s.customer_id, s.sku) NOT IN (SELECT customer_id, sku FROM bought))
ORDER BY s.customer_id, s.list, s.rank
"""
# Several products may have one name: it is said once.
POPULAR = f"""
SELECT coalesce(nullif(p.name, ''), s.sku) AS said FROM customers_popularproduct s
LEFT JOIN customers_product p ON p.retailer_id = s.retailer_id AND p.sku = s.sku
WHERE s.retailer_id = %s AND {MAY_BE_SHOWN}
GROUP BY said ORDER BY min(s.rank) LIMIT %s
"""
NAMED = 3


@dataclass(frozen=True, slots=True)
class SuggestedNames:
    """
    The names of some products for somebody, as a text may say them.

    :param again: of what it bought; nothing where it allows no profile, or nothing is known
    :param new: of what it did not buy; the same
    :param popular: of what is much bought, by whomever
    """

    again: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    popular: tuple[str, ...] = ()


def suggested_names(
    retailer: Retailer, customers: Sequence[UUID], *, at: datetime, limit: int = NAMED
) -> dict[UUID, SuggestedNames]:
    """Return the names of a few products for each of many customers: two statements, none where nothing is suggested."""
    if not retailer.has_suggestions or not customers:
        return {key: SuggestedNames() for key in customers}
    asked = {"retailer": retailer.pk, "customers": list(customers), "at": at}
    own: dict[tuple[UUID, str], list[str]] = {}
    for customer, kind, name in bulk.fetch(OF_MANY, asked):
        own.setdefault((customer, kind), []).append(name)
    popular = tuple(name for (name,) in bulk.fetch(POPULAR, [retailer.pk, limit]))
    found = {}
    for key in customers:
        again = tuple(dict.fromkeys(own.get((key, SuggestionList.AGAIN), ())))[:limit]
        new = [name for name in dict.fromkeys(own.get((key, SuggestionList.NEW), ())) if name not in again]
        found[key] = SuggestedNames(again, tuple(new[:limit]), popular)
    return found


@dataclass(frozen=True, slots=True)
class Goes:
    """
    A product that goes with others.

    :param relation: `together`, `similar` or `upgrade`
    :param with_sku: the product that it goes with best
    """

    relation: str
    sku: str
    name: str
    with_sku: str
    with_name: str

    @property
    def words(self) -> str:
        """How it is related, in the reader's language."""
        said = {
            RelatedProduct.Relation.TOGETHER: _("Often bought together with %(product)s"),
            RelatedProduct.Relation.SIMILAR: _("Similar to %(product)s"),
            RelatedProduct.Relation.UPGRADE: _("Similar to %(product)s, and one step up"),
        }
        return said[RelatedProduct.Relation(self.relation)] % {"product": self.with_name}


def related_to(
    retailer: Retailer, skus: Sequence[str], *, relation: str | None = None, limit: int = LIMIT
) -> list[Goes]:
    """
    Return what goes with products and is none of them, each once a relation, the best first; nobody's profile is read.

    :param relation: only this one; all if None
    :param limit: of each relation
    """
    if not retailer.has_suggestions or not skus:
        return []
    found: dict[tuple[str, str], Goes] = {}
    for kind, sku, name, with_sku, with_name in _related_rows(retailer, skus):
        if relation in {None, kind}:
            found.setdefault((kind, sku), Goes(kind, sku, name or sku, with_sku, with_name or with_sku))
    counts: dict[str, int] = {}
    kept = []
    for goes in found.values():
        counts[goes.relation] = counts.get(goes.relation, 0) + 1
        if counts[goes.relation] <= limit:
            kept.append(goes)
    return kept


def _related_rows(retailer: Retailer, skus: Sequence[str]) -> list[tuple[Any, ...]]:
    return bulk.fetch(RELATED, {"retailer": retailer.pk, "skus": list(dict.fromkeys(skus))})


def related_to_order(order: Order, retailer: Retailer, *, limit: int = LIMIT) -> list[Goes]:
    """Return what is often bought together with what an order has."""
    if not retailer.has_suggestions:
        return []
    skus = list(order.lines.order_by("position").values_list("sku", flat=True))
    return related_to(retailer, skus, relation=RelatedProduct.Relation.TOGETHER, limit=limit)
