"""Which column of a file is which of ours: by its own name, as somebody said, or as was said for this retailer before."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import field
from difflib import get_close_matches

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.importing.cells import Column
from customers.importing.names import NAMES
from customers.importing.reading import Source, is_refusal

NEARLY = 0.84  # how alike two names must be for one to be suggested for the other


class MissingColumns(DomainError):
    code = "missing_columns"
    kind = Kind.INVALID
    message = gettext_lazy("These columns are missing: {missing}. The file has: {found}.{hint}")

    def __init__(self, missing: Sequence[str], found: Sequence[str], hints: Sequence[str]) -> None:
        self.found = list(found)
        hint = " " + _("Perhaps: {hints}.").format(hints=", ".join(hints)) if hints else ""
        super().__init__(missing=", ".join(sorted(missing)), found=", ".join(found), hint=hint)

    def hinting(self, preset: str) -> "MissingColumns":
        """Return this with the mapping that ships and fits, if any."""
        if preset:
            hint = _("It looks like what the mapping “{preset}” is for.").format(preset=preset)
            self.facts["hint"] += f" {hint}"
        return self


class NoSuchColumn(DomainError):
    code = "no_such_column"
    kind = Kind.INVALID
    message = gettext_lazy("There is no column {column}. There are: {known}.")


class TwoColumnsForOne(DomainError):
    code = "two_columns_for_one"
    kind = Kind.INVALID
    message = gettext_lazy("Both “{one}” and “{other}” are to be {column}. Say which one is.")


@dataclass(frozen=True, slots=True)
class Places:
    """
    Where our columns stand in a file.

    :param of: the places of the file's columns, from 0, by our names
    :param ignored: the names in the file that nobody reads
    """

    of: Mapping[str, int]
    ignored: list[str] = field(default_factory=list)


def place(
    source: Source,
    columns: Sequence[Column],
    *,
    said: Mapping[str, str],
    remembered: Mapping[str, str],
    one_of: Sequence[Sequence[str]] = (),
) -> Places:
    """
    Return where a file has our columns.

    :param said: our name by the file's, as somebody said for this file; an empty one: nobody reads it
    :param remembered: the same, as said before; what the file does not have is left out
    :param one_of: columns of which one must be there
    :raises NoSuchColumn: when somebody spoke of a column that is none
    :raises TwoColumnsForOne: when two columns are to be the same
    :raises MissingColumns: when no row can be taken
    """
    _require_known(source, columns, said)
    places = {name.lower(): place for place, name in enumerate(source.columns) if name}
    targets = targets_of(source, columns, said=said, remembered=remembered)
    of: dict[str, int] = {}
    for name, target in targets.items():
        if target in of:
            raise TwoColumnsForOne(one=source.columns[of[target]], other=source.columns[places[name]], column=target)
        if target:
            of[target] = places[name]
    _require(source, columns, of, one_of)
    ignored = sorted(name for name, where in places.items() if where not in of.values() and not is_refusal(name))
    return Places(of, ignored)


def targets_of(
    source: Source, columns: Sequence[Column], *, said: Mapping[str, str], remembered: Mapping[str, str]
) -> dict[str, str]:
    """Return which of ours the columns of a file are, by their names in small letters; as `place`, without refusing any."""
    known = {column.name for column in columns} | {""}
    names = {name.lower() for name in source.columns if name}
    targets = {name: name for name in names if name in known}
    targets |= {
        name.lower(): target for name, target in remembered.items() if name.lower() in names and target in known
    }
    taken = set(said.values())
    targets = {name: target for name, target in targets.items() if target not in taken}
    return targets | {name.lower(): target for name, target in said.items()}


def _require_known(source: Source, columns: Sequence[Column], said: Mapping[str, str]) -> None:
    names = {name.lower() for name in source.columns if name}
    known = sorted(column.name for column in columns)
    for name, target in said.items():
        if name.lower() not in names:
            raise NoSuchColumn(column=name, known=", ".join(source.columns))
        if target and target not in known:
            raise NoSuchColumn(column=target, known=", ".join(known))


def _require(source: Source, columns: Sequence[Column], of: Mapping[str, int], one_of: Sequence[Sequence[str]]) -> None:
    missing = [column.name for column in columns if column.is_required and column.name not in of]
    missing += [_(" or ").join(names) for names in one_of if not any(name in of for name in names)]
    if not missing:
        return
    hints = [f"“{name}” → {target}" for name, target in suggest(source.columns, columns).items() if target not in of]
    raise MissingColumns(missing, source.columns, hints)


def suggest(names: Sequence[str], columns: Sequence[Column]) -> dict[str, str]:
    """Return which of our columns names of a file probably are, in English or French; each of ours once."""
    known = {plain(column.name): column.name for column in columns}
    known |= {plain(name): target for target, names_ in NAMES.items() for name in names_ if target in known.values()}
    found: dict[str, str] = {}
    for is_sure in (True, False):
        for name in names:
            near = get_close_matches(plain(name), known, 1, 1.0 if is_sure else NEARLY)
            if near and name not in found and known[near[0]] not in found.values():
                found[name] = known[near[0]]
    return found


def plain(name: str) -> str:
    """Return a name without accents, signs and capitals, to compare it."""
    letters = unicodedata.normalize("NFKD", name.replace("°", "o")).encode("ascii", "ignore").decode()
    return " ".join(re.findall(r"[a-z0-9]+", letters.lower()))
