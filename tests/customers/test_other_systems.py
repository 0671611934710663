"""What other systems export goes in by a mapping that ships; the samples' sources stand beside them."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from customers.importing.formats import FORMATS
from customers.importing.mapping import MissingColumns, suggest
from customers.importing.shipped import NoSuchMapping
from customers.models import Order, OrderLine
from tests import make
from tests.customers.files import lines_of, run

pytestmark = pytest.mark.django_db
SAMPLES = Path(__file__).parent / "samples"


def sample(name: str) -> bytes:
    return (SAMPLES / f"{name}.csv").read_bytes()


def taken() -> dict[str, tuple[str | None, str, str]]:
    orders = Order.objects.values_list("number", "customer__external_id", "net_amount", "shipping_amount")
    return {number: (who, str(net), str(shipping)) for number, who, net, shipping in orders}


def test_a_shopify_export() -> None:
    report = run(make.retailer(zone="Europe/Paris"), "orders", sample("shopify"), preset="shopify")

    assert (report.problems, report.created, report.rows, report.total) == ([], 2, 4, 4)
    assert taken() == {"#1001": ("ada@example.org", "27.00", "4.90"), "#1002": (None, "12.00", "0.00")}
    assert report.notices == ["1 row is left out: the order was cancelled."]
    first = Order.objects.get(number="#1001")
    assert (first.occurred_at, first.promotion_code, first.channel) == (
        datetime(2026, 3, 1, 9, 30, 10, tzinfo=UTC), "WELCOME10", "web",
    )  # fmt: skip
    lines = first.lines.order_by("position").values_list("sku", "brand", "net_amount", "discount")
    assert [(sku, brand, str(net), str(off)) for sku, brand, net, off in lines] == [
        ("MUG-BLUE", "Atelier", "18.00", "2.00"), ("COFFEE-250", "Brûlerie", "9.00", "1.00"),
    ]  # fmt: skip


def test_a_shopify_order_whose_lines_do_not_come_to_its_subtotal_is_refused() -> None:
    content = sample("shopify").replace(b"EUR,27.00,", b"EUR,28.00,")

    report = run(make.retailer(), "orders", content, preset="shopify")

    assert lines_of(report) == [(2, "lines_amount", "The lines come to 27.00, but the file says 28.00.")]
    assert (report.created, list(report.refused)) == (1, [2, 3])


def test_a_woocommerce_export() -> None:
    report = run(make.retailer(zone="Europe/Paris"), "orders", sample("woocommerce"), preset="woocommerce")

    assert (report.problems, report.created) == ([], 2)
    assert taken() == {"1287": ("ada@example.org", "22.50", "4.90"), "1289": ("cyd@example.org", "8.50", "0.00")}
    assert report.notices == ["1 row is left out: the order was cancelled or not paid."]


def test_uci_online_retail() -> None:
    report = run(make.retailer(currency="GBP"), "orders", sample("uci"), preset="uci")

    assert (report.problems, report.created) == ([], 3)
    assert taken() == {
        "536365": ("17850.0", "35.64", "0.00"), "536414": (None, "0.00", "0.00"), "538365": ("17243.0", "17.45", "0.00"),
    }  # fmt: skip
    assert Order.objects.get(number="536365").local_date.isoformat() == "2010-12-01"
    assert report.notices == [
        (
            "customer: 3 ids end in .0, such as “17850.0” in line 2: a spreadsheet has made them numbers. "
            "They are taken as they stand."
        ),
        "1 row is left out: the invoice is a cancellation, which does not name its order.",
        "1 row is left out: the stock was corrected.",
    ]
    assert report.ignored_columns == ["country", "description"]


def test_a_french_excel_export() -> None:
    report = run(make.retailer(zone="Europe/Paris"), "orders", sample("french-excel"), preset="french-excel")

    assert (report.problems, report.created) == ([], 2)
    assert taken() == {"F-2026-001": ("C-0042", "12.80", "0.00"), "F-2026-002": ("C-0043", "1199.00", "0.00")}
    assert set(OrderLine.objects.values_list("category", flat=True)) == {"Épicerie", "Électroménager"}
    assert report.reading[:2] == ["CP1252, cells divided by “;”", "decimals behind a comma"]


@pytest.mark.parametrize("name", ["shopify", "woocommerce", "uci"])
def test_whose_export_a_file_is_is_told(name: str) -> None:
    with pytest.raises(MissingColumns, match=f"mapping “{name}”"):
        run(make.retailer(), "orders", sample(name))


def test_a_mapping_that_does_not_ship_is_refused() -> None:
    with pytest.raises(NoSuchMapping, match="shopify, woocommerce, uci, french-excel"):
        run(make.retailer(), "orders", sample("uci"), preset="magento")


def test_names_are_suggested_in_english_and_in_french() -> None:
    names = [
        "N° de commande",
        "Date de commande",
        "Code client",
        "Référence article",
        "Qté",
        "Montant TTC",
        "quantitty",
        "Zut",
    ]

    assert suggest(names, FORMATS["orders"].columns) == {
        "N° de commande": "order_number",
        "Date de commande": "occurred_at",
        "Code client": "customer",
        "Référence article": "sku",
        "Qté": "quantity",
        "Montant TTC": "net_amount",
    }
