"""The command says what it did by its exit code, and writes what it refused into a file that can be mended and sent again."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers.importing import running
from customers.importing.formats import FORMATS
from customers.models import Customer, ImportMapping, Order, OrderLine, Retailer
from tests import make
from tests.customers.files import HEAD, order_rows

pytestmark = pytest.mark.django_db


@pytest.fixture
def shop() -> Retailer:
    return make.retailer(slug="corner-shop")


def refused(*words: str, **options: Any) -> int:
    """Run a command line that is refused; return its exit code."""
    with pytest.raises(CommandError) as error:
        call_command("import_csv", *words, **options)
    return error.value.returncode


def test_a_preview_writes_nothing_and_an_import_says_what_it_took(
    shop: Retailer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(HEAD + order_rows("A1", "milk", "bread"))

    call_command("import_csv", shop.slug, "orders", str(file), "--preview")
    assert Order.objects.count() == 0
    call_command("import_csv", shop.slug, "orders", str(file))

    said = capsys.readouterr().out
    assert "2 rows: 1 facts would be new, 0 known already, 0 rows cannot be taken." in said
    assert "Read as UTF-8, cells divided by “,”; decimals behind a point; 2026-03-01T10:00:00Z = 1 March 2026." in said
    assert "2 rows: 1 facts are new, 0 known already, 0 rows cannot be taken." in said


def test_exit_codes_say_what_became_of_a_file(shop: Retailer, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"

    file.write_text(HEAD + order_rows("A1") + "A2,ada,soon,milk,1,1\n")
    assert (refused(shop.slug, "orders", str(file), "--preview"), Order.objects.count()) == (3, 0)
    assert (refused(shop.slug, "orders", str(file)), Order.objects.count()) == (3, 1)
    file.write_text(HEAD + order_rows("A3", at="1/2/2026"))
    assert (refused(shop.slug, "orders", str(file)), Order.objects.count()) == (2, 1)
    file.write_text("a,b\n1,2\n")
    assert refused(shop.slug, "orders", str(file)) == 2
    file.write_bytes(b"PK\x03\x04")
    assert refused(shop.slug, "orders", str(file)) == 2
    assert refused("nobody", "orders", str(file)) == 1


def test_what_is_refused_is_mended_and_sent_again(shop: Retailer, tmp_path: Path) -> None:
    file, bad = tmp_path / "orders.csv", tmp_path / "bad.csv"
    file.write_text(
        HEAD
        + order_rows("A1")
        + "A2,ada,soon,=milk,1,1\n"
        + order_rows("A3")
        + "A2,ada,,'=x,one,2\nA4,ada,2026-03-01,x,1,2,00\n"
    )

    assert refused(shop.slug, "orders", str(file), problems=bad) == 3
    text = bad.read_text(encoding="utf-8-sig")
    rows = list(csv.reader(text.splitlines(), delimiter=";"))
    assert rows[0] == ["refusal decimal=point thousands=no", *HEAD.strip().split(",")]
    assert [row[0] for row in rows[1:]] == [
        "3: occurred_at: “soon” is no date and time such as 2026-03-29T18:30:00+02:00.",
        "5: quantity: “one” is no number.",
        "6: The row has 7 cells under 6 columns.",
    ]
    assert [row[4] for row in rows[1:3]] == ["'=milk", "''=x"]

    assert refused(shop.slug, "orders", str(bad)) == 3  # as it is, nothing of it is taken
    assert set(Order.objects.values_list("number", flat=True)) == {"A1", "A3"}
    bad.write_text("\ufeff" + text.replace("soon", "2026-03-02").replace("one;2", "3;2").replace("2;00", "2"))
    call_command("import_csv", shop.slug, "orders", str(bad))

    assert set(Order.objects.values_list("number", flat=True)) == {"A1", "A2", "A3", "A4"}
    assert list(OrderLine.objects.filter(order__number="A2").order_by("position").values_list("sku", flat=True)) == [
        "=milk", "'=x",
    ]  # fmt: skip


def test_a_row_with_quotes_that_are_not_balanced_stays_refused_until_it_is_mended(
    shop: Retailer, tmp_path: Path
) -> None:
    file, bad = tmp_path / "c.csv", tmp_path / "bad.csv"
    file.write_text('external_id\nada\n"bob"x\n')

    assert refused(shop.slug, "customers", str(file), problems=bad) == 3
    assert refused(shop.slug, "customers", str(bad)) == 3

    assert list(Customer.objects.values_list("external_id", flat=True)) == ["ada"]


def test_who_presses_ctrl_c_keeps_what_was_taken_and_is_told(
    shop: Retailer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(HEAD + "".join(order_rows(f"A{place}") for place in range(6)))
    record = FORMATS["orders"].record
    calls: list[int] = []

    def interrupted(*args: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return record(*args)

    monkeypatch.setattr(running, "BATCH", 2)
    monkeypatch.setattr(FORMATS["orders"], "record", interrupted)
    code = refused(shop.slug, "orders", str(file))
    monkeypatch.undo()

    assert (code, Order.objects.count()) == (130, 4)
    assert "4 rows: 4 facts are new" in capsys.readouterr().out
    call_command("import_csv", shop.slug, "orders", str(file))
    assert Order.objects.count() == 6


def test_columns_that_were_said_are_remembered(shop: Retailer, tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("N° commande;Client;Date;Référence;Qté;Montant\nA1;ada;13/03/2026;milk;2;3,50\n")
    said = ["N° commande=order_number", "Client=customer", "Date=occurred_at", "Référence=sku", "Qté=quantity",
            "Montant=net_amount"]  # fmt: skip

    with pytest.raises(CommandError, match="“N° commande” → order_number"):
        call_command("import_csv", shop.slug, "orders", str(file))
    call_command("import_csv", shop.slug, "orders", str(file), "--preview", "--columns", *said)
    assert not ImportMapping.objects.exists()
    call_command("import_csv", shop.slug, "orders", str(file), "--columns", *said)
    file.write_text(file.read_text().replace("A1", "A2"))
    call_command("import_csv", shop.slug, "orders", str(file))

    assert set(Order.objects.values_list("number", flat=True)) == {"A1", "A2"}
    assert ImportMapping.objects.get().columns["Qté"] == "quantity"


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (["nothing=sku"], "There is no column nothing"),
        (["article=stock"], "There is no column stock"),
        (["article=sku", "name=sku"], "Both “article” and “name” are to be sku"),
    ],
)
def test_columns_that_cannot_be_are_refused(shop: Retailer, tmp_path: Path, columns: list[str], says: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text("order_number,occurred_at,article,name,quantity,net_amount\nA1,2026-03-01,x,y,1,1\n")

    with pytest.raises(CommandError, match=says):
        call_command("import_csv", shop.slug, "orders", str(file), "--columns", *columns)

    assert not ImportMapping.objects.exists()


@pytest.mark.parametrize("kind", sorted(FORMATS))
def test_a_template_can_be_imported_as_it_is(
    kind: str, shop: Retailer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in dict.fromkeys(["orders", kind]):
        with pytest.raises(SystemExit) as ended:
            call_command("import_csv", "--template", each)
        assert ended.value.code == 0
        file = tmp_path / f"{each}.csv"
        file.write_text(capsys.readouterr().out)

        call_command("import_csv", shop.slug, each, str(file))
        assert "1 rows: 1 facts are new" in capsys.readouterr().out


def test_the_samples_say_where_their_shape_is_from() -> None:
    sources = json.loads((Path(__file__).parent / "samples" / "sources.json").read_text(encoding="utf-8"))

    assert set(sources) == {path.name for path in (Path(__file__).parent / "samples").glob("*.csv")}
