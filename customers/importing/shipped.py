"""Mappings that ship: what other systems call our columns in their exports, and which of their rows are no orders."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.importing.reading import Row
from customers.importing.table import Said, Table


class NoSuchMapping(DomainError):
    code = "no_such_mapping"
    kind = Kind.INVALID
    message = _("There is no mapping {preset} for {kind}. There are: {known}.")


@dataclass(frozen=True)
class LeftOut:
    """
    Rows of an export that are none of ours.

    :param column: of the file
    :param pattern: of the whole cell of one of a fact's rows, without regard to capitals
    """

    column: str
    pattern: str
    why: Any

    def concerns(self, table: Table, rows: Sequence[Row]) -> bool:
        """Tell whether rows of one key are left out."""
        where = next(
            (place for place, name in enumerate(table.source.columns) if name.lower() == self.column.lower()), None
        )
        if where is None:
            return False
        return any(row.cells and re.fullmatch(self.pattern, row.cells[where].strip(), re.IGNORECASE) for row in rows)


@dataclass(frozen=True)
class Shipped:
    """
    A mapping that ships.

    :param columns: our names by the file's
    :param source: where its columns are described
    """

    code: str
    name: Any
    kind: str
    columns: Mapping[str, str]
    left_out: tuple[LeftOut, ...]
    source: str

    def said(self, said: Said) -> Said:
        """Return what somebody said of a file, with this mapping under it."""
        return replace(said, remembered={**said.remembered, **self.columns})


SHOPIFY = Shipped(
    code="shopify",
    name="Shopify",
    kind="orders",
    columns={
        "Name": "order_number",
        "Created at": "occurred_at",
        "Email": "customer",
        "Currency": "currency",
        "Subtotal": "lines_amount",
        "Shipping": "shipping_amount",
        "Discount Code": "promotion_code",
        "Discount Amount": "order_discount",
        "Lineitem quantity": "quantity",
        "Lineitem price": "unit_price",
        "Lineitem discount": "discount",
        "Lineitem sku": "sku",
        "Vendor": "brand",
        "Source": "channel",
    },
    left_out=(
        LeftOut("Cancelled at", ".+", _("the order was cancelled")),
        LeftOut("Financial Status", "pending|authorized|voided|expired|unpaid", _("the order was not paid")),
    ),
    source="Orders > Export in Shopify's admin: one row a line item, what concerns the order on its first row",
)
WOOCOMMERCE = Shipped(
    code="woocommerce",
    name="WooCommerce",
    kind="orders",
    columns={
        "Order Number": "order_number",
        "Order Date": "occurred_at",
        "Email (Billing)": "customer",
        "Order Currency": "currency",
        "SKU": "sku",
        "Quantity": "quantity",
        "Item Cost": "unit_price",
        "Category": "category",
        "Cart Discount Amount": "order_discount",
        "Order Shipping Amount": "shipping_amount",
    },
    left_out=(
        LeftOut(
            "Order Status",
            "pending( payment)?|on[ -]hold|cancell?ed|failed|draft|checkout-draft|trash",
            _("the order was cancelled or not paid"),
        ),
    ),
    source="Advanced Order Export For WooCommerce, its default columns with “Quantity”: one row a line item",
)
UCI = Shipped(
    code="uci",
    name="UCI Online Retail",
    kind="orders",
    columns={
        "InvoiceNo": "order_number",
        "Invoice": "order_number",
        "InvoiceDate": "occurred_at",
        "StockCode": "sku",
        "Quantity": "quantity",
        "UnitPrice": "unit_price",
        "Price": "unit_price",
        "CustomerID": "customer",
        "Customer ID": "customer",
    },
    left_out=(
        LeftOut("InvoiceNo", "C.*", _("the invoice is a cancellation, which does not name its order")),
        LeftOut("Invoice", "C.*", _("the invoice is a cancellation, which does not name its order")),
        LeftOut("Quantity", "-.*", _("the stock was corrected")),
    ),
    source="UCI Machine Learning Repository, Online Retail (352) and Online Retail II (502)",
)
FRENCH = Shipped(
    code="french-excel",
    name=_("French spreadsheet"),
    kind="orders",
    columns={
        "N° commande": "order_number",
        "N° de commande": "order_number",
        "Numéro de commande": "order_number",
        "Date": "occurred_at",
        "Date de commande": "occurred_at",
        "Client": "customer",
        "N° client": "customer",
        "Code client": "customer",
        "Référence": "sku",
        "Code article": "sku",
        "Quantité": "quantity",
        "Qté": "quantity",
        "Prix unitaire": "unit_price",
        "Montant": "net_amount",
        "Montant net": "net_amount",
        "Remise": "discount",
        "Famille": "category",
        "Catégorie": "category",
        "Marque": "brand",
        "Magasin": "store",
        "Frais de port": "shipping_amount",
    },
    left_out=(),
    source="an order list saved as “CSV (séparateur : point-virgule)” by Excel in French",
)
SHIPPED = (SHOPIFY, WOOCOMMERCE, UCI, FRENCH)


def shipped(code: str, kind: str) -> Shipped:
    """
    Return a mapping that ships.

    :raises NoSuchMapping: when there is none of this code for this kind of file
    """
    for each in SHIPPED:
        if (each.code, each.kind) == (code, kind):
            return each
    known = ", ".join(each.code for each in SHIPPED if each.kind == kind) or "-"
    raise NoSuchMapping(preset=code, kind=kind, known=known)


def recognised(columns: Sequence[str], kind: str) -> str:
    """Return the code of the mapping whose export a file seems to be; empty where it is of none."""
    names = {name.lower() for name in columns}
    found = {each.code: len(names & {name.lower() for name in each.columns}) for each in SHIPPED if each.kind == kind}
    best = max(found, key=lambda code: found[code], default="")
    return best if best and found[best] >= 5 else ""  # noqa: PLR2004 - order, date, article, quantity and price
