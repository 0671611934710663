"""A file to begin with for each kind: the columns in order, and a row that can be imported."""

from typing import TextIO

from customers.core.exporting import write_csv
from customers.importing.formats import FORMATS

LEFT_OUT = {"order_discount", "lines_amount"}  # what exports of other systems have, and who writes a file does not need


def write_template(file: TextIO, kind: str) -> None:
    """Write the template of a kind of file, as a spreadsheet opens it; its decimals are behind a point."""
    columns = [column for column in FORMATS[kind].columns if column.name not in LEFT_OUT]
    header = [column.name for column in columns]
    write_csv(file, header, [[column.example for column in columns]], is_for_people=True)
