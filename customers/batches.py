"""One call's facts: which are first of their key, which only repeat one, and which cannot be."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Generic, TypeVar
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Fault, Kind
from customers.core.values import dataclass
from customers.facts import CorrectionFact, InteractionFact, OrderEventFact, OrderFact, ReturnFact, fingerprint
from customers.models import Interaction, Order, OrderEvent, Retailer, Return

Fact = TypeVar("Fact", OrderFact, CorrectionFact, ReturnFact, OrderEventFact, InteractionFact)


MAX_FINDINGS = 10


class OtherContent(DomainError):
    code = "conflict"
    kind = Kind.CONFLICT
    message = _(
        "Number {number} is already recorded with other content, which stays. Report something else under a new number."
    )

    def __init__(self, number: str, findings: Sequence[Fault] = ()) -> None:
        super().__init__(number=number)
        self.findings = tuple(findings)[:MAX_FINDINGS]

    def __str__(self) -> str:
        told = " ".join(f"{found.place}: {found.message}" for found in self.findings)
        return f"{super().__str__()} {told}".rstrip()


class OrderOfOtherContent(OtherContent):
    message = _(
        "Number {number} is already recorded with other content. Correct that order (PUT /orders/NUMBER), report what came "
        "back as a return, or use a new number."
    )


OF_OTHER_CONTENT: Mapping[type, type[OtherContent]] = {OrderFact: OrderOfOtherContent}


class Status(StrEnum):
    CREATED = "created"
    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Fact]):
    """
    What became of one fact.

    :param fact: as it is recorded, or as it was reported where it was refused
    :param customer_id: whose it is now; None for a guest's, and for what was known before
    :param customer_before: whose it was before a correction
    """

    fact: Fact
    status: Status
    id: UUID | None = None
    customer_id: UUID | None = None
    error: DomainError | None = None
    customer_before: UUID | None = None


def check_each(facts: Sequence[Fact], check: Callable[[Fact], Fact]) -> tuple[list[Fact], dict[int, DomainError]]:
    """Return facts as they are to be recorded, and the refusals of those that cannot be, by their places."""
    checked: list[Fact] = []
    refused: dict[int, DomainError] = {}
    for place, fact in enumerate(facts):
        try:
            checked.append(check(fact))
        except DomainError as error:
            checked.append(fact)
            refused[place] = error
    return checked, refused


class Batch(Generic[Fact]):
    """
    Sorts facts on the way in, takes in what was written, and answers one outcome per fact.

    :param at: gives a fact at the instant at which it is recorded
    """

    def __init__(
        self,
        facts: Sequence[Fact],
        *,
        key: Callable[[Fact], str],
        at: Callable[[Fact], Fact],
        refused: dict[int, DomainError] | None = None,
    ) -> None:
        self.facts: list[Fact] = list(facts)
        self.key: Callable[[Fact], str] = key
        self.at: Callable[[Fact], Fact] = at
        self.refused = refused or {}
        self.hashes: dict[str, bytes] = {}
        self.others: dict[int, bytes] = {}
        self.fresh: list[Fact] = []
        self.first: dict[str, int] = {}
        self.made: dict[str, tuple[UUID, UUID | None]] = {}
        self.old: dict[str, tuple[UUID, bytes]] = {}
        self.compared: Mapping[tuple[str, bytes], tuple[Fault, ...]] = {}
        self._sort()

    def _sort(self) -> None:
        for place, fact in enumerate(self.facts):
            if place in self.refused:
                continue
            number = self.key(fact)
            content = fingerprint(fact)  # as it was reported: so it is known again, whenever it comes
            self.facts[place] = recorded = self.at(fact)
            if number not in self.hashes:
                self.hashes[number] = content
                self.first[number] = place
                self.fresh.append(recorded)
            elif self.hashes[number] != content:
                self.others[place] = content

    def refuse(self, fact: Fact, error: DomainError) -> None:
        """Refuse the first fact of its number, and with it those that repeat it."""
        self.refused[self.first[self.key(fact)]] = error

    def known(
        self,
        retailer: Retailer,
        model: type[Order | Return | OrderEvent | Interaction],
        numbers: Iterable[str] | None = None,
    ) -> dict[str, tuple[UUID, bytes]]:
        """Return the id and content hash of those that were recorded before."""
        wanted = [self.key(fact) for fact in self.fresh] if numbers is None else list(numbers)
        rows = model.objects.filter(retailer=retailer, number__in=wanted)
        return {number: (pk, bytes(old)) for number, pk, old in rows.values_list("number", "pk", "content_hash")}

    def settle(
        self,
        retailer: Retailer,
        model: type[Order | Return | OrderEvent | Interaction],
        made: dict[str, tuple[UUID, UUID | None]],
    ) -> None:
        """Take in which facts were inserted now; the others must have been known."""
        self.made = made
        others = [number for fact in self.fresh if (number := self.key(fact)) not in made]
        self.old = self.known(retailer, model, others) if others else {}

    def doubtful(self) -> list[tuple[Fact, bytes]]:
        """Return the facts that are not written as what is recorded under their number, each with its content's hash."""
        found = {}
        for place, fact in enumerate(self.facts):
            number = self.key(fact)
            if place not in self.refused and number in self.old:
                content = self.others.get(place) or self.hashes[number]
                if content != self.old[number][1]:
                    found[number, content] = fact
        return [(fact, content) for (_, content), fact in found.items()]

    def compare(self, compared: Mapping[tuple[str, bytes], tuple[Fault, ...]]) -> None:
        """Take in what contents, by number and hash, say otherwise than what is recorded: nothing, where they say the same."""
        self.compared = compared

    def created_ids(self) -> list[tuple[UUID, Fact]]:
        return [(self.made[number][0], fact) for fact in self.fresh if (number := self.key(fact)) in self.made]

    def outcomes(self) -> list[Outcome[Fact]]:
        return [self._outcome(place, fact) for place, fact in enumerate(self.facts)]

    def _outcome(self, place: int, fact: Fact) -> Outcome[Fact]:
        number = self.key(fact)
        first = self.first.get(number, place)
        content = self.others.get(place)
        if error := self.refused.get(place) or (self.refused.get(first) if content is None else None):
            return Outcome(fact, Status.FAILED, error=error)
        if number in self.made and content is None:
            made_id, customer_id = self.made[number]
            return Outcome(fact, Status.CREATED if place == first else Status.UNCHANGED, made_id, customer_id)
        # What counts is what is recorded, not which of two contents came first in this call.
        old_id, old_hash = self.old.get(number, (None, None))
        said = content or self.hashes[number]
        differences = self.compared.get((number, said))
        if old_hash is None or (old_hash != said and differences != ()):
            kind = OF_OTHER_CONTENT.get(type(fact), OtherContent)
            return Outcome(fact, Status.FAILED, old_id, error=kind(number, differences or ()))
        return Outcome(fact, Status.UNCHANGED, old_id)
