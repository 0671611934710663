"""Customers of a file who are new, while one is known whose id a spreadsheet makes of theirs."""

from itertools import chain, islice

from django.utils.translation import ngettext

from customers.importing.spreadsheet_ids import POINT_ZERO
from customers.importing.survey import Survey
from customers.models import Customer, Retailer

MAX_ASKED = 1_000  # ids: enough to see what a spreadsheet did to a file
MAX_ZEROS = 6


def changed_ids(retailer: Retailer, survey: Survey) -> list[str]:
    """Return a notice where ids of customers are new and one of ours differs by `.0` or by zeros before it; else nothing."""
    ids = survey.ids.get("customer") or survey.ids.get("external_id")
    if ids is None:
        return []
    places = sorted(islice(chain(ids.pointed, ids.known.values()), MAX_ASKED))
    others = {cell: _others(cell) for _line, cell in places}
    asked = {name for cell, names in others.items() for name in (cell, *names)}
    if not asked:
        return []
    customers = Customer.objects.filter(retailer=retailer, external_id__in=asked)
    known = set(customers.values_list("external_id", flat=True))
    found = [
        (line, cell, next(name for name in others[cell] if name in known))
        for line, cell in places
        if cell not in known and not known.isdisjoint(others[cell])
    ]
    if not found:
        return []
    line, cell, other = found[0]
    words = ngettext(
        "{count} customer is new, but known with or without zeros that a spreadsheet takes or adds: "
        "“{cell}” in line {line}, known as “{other}”.",
        "{count} customers are new, but known with or without zeros that a spreadsheet takes or adds, such as "
        "“{cell}” in line {line}, known as “{other}”.",
        len(found),
    )
    return [words.format(count=len(found), cell=cell[:40], line=line, other=other[:40])]


def _others(cell: str) -> list[str]:
    """Return what else an id may have been before a spreadsheet changed it, or after."""
    whole = POINT_ZERO.fullmatch(cell)
    digits = whole[1] if whole else cell
    bare = digits.lstrip("0")
    forms = [digits, f"{digits}.0", bare, *(f"{'0' * zeros}{bare}" for zeros in range(1, MAX_ZEROS + 1))]
    return [form for form in dict.fromkeys(forms) if form and form != cell]
