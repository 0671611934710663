"""The root of every refusal: a stable code, the numbers that explain it, and words in the reader's language."""

from enum import StrEnum
from typing import Any, ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from customers.core.values import dataclass


class Kind(StrEnum):
    """What a refusal means to whoever caused it; the edges choose a status code by it."""

    INVALID = "invalid"  # the request says something impossible
    NOT_FOUND = "not_found"  # it names something that is not there, or not theirs
    CONFLICT = "conflict"  # it contradicts what is recorded
    REFUSED = "refused"  # it is understood, and a rule forbids it
    GONE = "gone"  # it was there, and is no longer kept
    STALE = "stale"  # it starts from a state that is no longer the present one


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong, with its place in what was sent: `lines/0/net_amount`."""

    place: str
    code: str
    message: str


class DomainError(Exception):
    """A refusal. Subclasses stand beside the function that raises them and fill `code`, `kind` and `message`."""

    code: str = "refused"
    kind: ClassVar[Kind] = Kind.REFUSED
    message: ClassVar[str | Promise] = _("This cannot be done.")

    def __init__(self, **facts: Any) -> None:
        super().__init__(self.code, facts)
        self.facts = facts

    def __str__(self) -> str:
        return str(self.message).format(**self.facts)
