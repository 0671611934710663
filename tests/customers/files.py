"""Files of customers and orders, and how they are imported in tests."""

import io
from typing import Any

from customers.importing.report import Report
from customers.importing.running import preview_import, run_import
from customers.importing.table import Said
from customers.models import Retailer
from tests.make import NOON

HEAD = "order_number,customer,occurred_at,sku,quantity,net_amount\n"


def order_rows(number: str, *skus: str, customer: str = "ada", at: str = "2026-03-01T10:00:00Z") -> str:
    """Return a row for each article of an order, 2.00 each."""
    return "".join(f"{number},{customer},{at},{sku},1,2.00\n" for sku in skus or ("milk",))


def run(
    shop: Retailer, kind: str, text: str | bytes, *, preview: bool = False, preset: str = "", **said: Any
) -> Report:
    """Import a file, or say what would come of it."""
    file = io.BytesIO(text.encode() if isinstance(text, str) else text)
    return (preview_import if preview else run_import)(shop, kind, file, now=NOON, said=Said(**said), preset=preset)


def lines_of(report: Report) -> list[tuple[int, str, str]]:
    """Return what is wrong: line, column and reason."""
    return [(problem.line, problem.column, problem.reason) for problem in report.problems]
