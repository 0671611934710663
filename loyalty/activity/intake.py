"""What a retailer's systems report, recorded and decided in one transaction."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Generic
from uuid import UUID

from django.db import transaction

from customers.batches import Fact, Outcome, Status
from customers.core.values import dataclass
from customers.facts import InteractionFact, OrderEventFact, OrderFact, ReturnFact
from customers.models import Retailer, UndecidedFact
from customers.recording import record_interactions, record_order_events, record_orders, record_returns
from loyalty.activity import pipeline
from loyalty.activity.backlog import queue_behind
from loyalty.activity.held.bursts import hold_bursts, is_content
from loyalty.activity.history import load_order_events, load_returns
from loyalty.activity.references import name_as_merged
from loyalty.engine.activities import Fact as EngineFact
from loyalty.engine.activities import InteractionReported, OrderPlaced
from loyalty.engine.basket import Basket, Line
from loyalty.engine.decision import Decision


@dataclass(frozen=True, slots=True)
class Answer(Generic[Fact]):
    """What became of one fact, and what it caused: one decision per program that the customer belongs to."""

    outcome: Outcome[Fact]
    decisions: tuple[Decision, ...] = ()

    @property
    def besides(self) -> dict[str, str]:
        """What is told of facts of this kind alone, by name."""
        return {}


@dataclass(frozen=True, slots=True)
class InteractionAnswer(Answer[InteractionFact]):
    """
    What became of an interaction.

    :param held: why it is held for a person, and nothing is decided, as a code; empty where it is not
    """

    held: str = ""

    @property
    def besides(self) -> dict[str, str]:
        return {"held": self.held}


def take_orders(
    retailer: Retailer, facts: Sequence[OrderFact], *, now: datetime, dry_run: bool = False
) -> list[Answer[OrderFact]]:
    """
    Record orders and decide what they earn, one answer each.

    :param dry_run: answer what would happen, and leave no trace
    """
    with _whole(dry_run):
        outcomes = record_orders(retailer, facts, now=now, are_decided=True)
        name_as_merged(retailer, [_named(outcome) for outcome in outcomes if _is_new(outcome)])
        placed = [_placed(outcome) for outcome in outcomes if _is_new(outcome)]
        return _decided(outcomes, placed, now=now, dry_run=dry_run, are_new=True)


def _named(outcome: Outcome[OrderFact]) -> tuple[UUID, str, Sequence[str]]:
    assert outcome.id is not None, "it is new"
    return outcome.id, outcome.fact.customer or "", outcome.fact.redemptions


def take_returns(
    retailer: Retailer, facts: Sequence[ReturnFact], *, now: datetime, dry_run: bool = False
) -> list[Answer[ReturnFact]]:
    """
    Record returns and decide what their orders keep, one answer each.

    :param dry_run: answer what would happen, and leave no trace
    """
    with _whole(dry_run):
        outcomes = record_returns(retailer, facts, now=now, are_decided=True)
        made = _made(outcomes)
        answers = _decided(outcomes, load_returns(made), now=now, dry_run=dry_run)
        if not dry_run:
            queue_behind(UndecidedFact.Kind.RETURN, made)
        return answers


def take_order_events(
    retailer: Retailer, facts: Sequence[OrderEventFact], *, now: datetime, dry_run: bool = False
) -> list[Answer[OrderEventFact]]:
    """
    Record what happened to orders, such as their delivery, and make active the points that awaited it; one answer each.

    :param dry_run: answer what would happen, and leave no trace
    """
    with _whole(dry_run):
        outcomes = record_order_events(retailer, facts, now=now, are_decided=True)
        made = _made(outcomes)
        answers = _decided(outcomes, load_order_events(made), now=now, dry_run=dry_run)
        if not dry_run:
            queue_behind(UndecidedFact.Kind.EVENT, made)
        return answers


def take_interactions(
    retailer: Retailer, facts: Sequence[InteractionFact], *, now: datetime, dry_run: bool = False
) -> list[InteractionAnswer]:
    """
    Record interactions and decide what they earn, one answer each; those of a burst are held for a person first.

    :param dry_run: answer what would happen, and leave no trace
    """
    with _whole(dry_run):
        outcomes = record_interactions(retailer, facts, now=now, are_decided=True)
        interacted = [_interacted(outcome) for outcome in outcomes if _is_new(outcome)]
        held = hold_bursts([each.id for each in interacted if is_content(each.kind)], now=now, are_new=True)
        taken = [each for each in interacted if each.id not in held]
        answers = _decided(outcomes, taken, now=now, dry_run=dry_run, are_new=True)
        return [InteractionAnswer(each.outcome, each.decisions, _held(each.outcome, held)) for each in answers]


def _held(outcome: Outcome[InteractionFact], held: Mapping[UUID, str]) -> str:
    return held.get(outcome.id, "") if outcome.id else ""


def _whole(dry_run: bool) -> AbstractContextManager[None]:  # noqa: FBT001 - as it was asked
    """Return the transaction in which facts are taken: a part of the caller's, which a dry run leaves as it was."""
    return transaction.atomic(savepoint=dry_run)


def _decided(
    outcomes: Sequence[Outcome[Fact]],
    activities: Sequence[EngineFact],
    *,
    now: datetime,
    dry_run: bool,
    are_new: bool = False,
) -> list[Answer[Fact]]:
    """Decide what was recorded, and answer each fact; a dry run is undone with the caller's transaction."""
    batch = pipeline.run(activities, now=now, are_new=are_new)
    if dry_run:
        transaction.set_rollback(True)
    return [_answer(outcome, batch) for outcome in outcomes]


def _made(outcomes: Sequence[Outcome[Fact]]) -> list[UUID]:
    return [_known(outcome.id) for outcome in outcomes if _is_new(outcome)]


def _is_new(outcome: Outcome[Fact]) -> bool:
    return outcome.status is Status.CREATED and outcome.customer_id is not None


def _answer(outcome: Outcome[Fact], batch: pipeline.Batch) -> Answer[Fact]:
    own_id = outcome.id if _is_new(outcome) else None
    return Answer(outcome, tuple(batch.by_fact.get(own_id, ())) if own_id else ())


def _placed(outcome: Outcome[OrderFact]) -> OrderPlaced:
    fact = outcome.fact
    return OrderPlaced(
        order_id=_known(outcome.id),
        number=fact.number,
        customer_id=_known(outcome.customer_id),
        occurred_at=fact.occurred_at,
        basket=Basket(
            tuple(
                Line(line.net_amount, line.category, line.brand, line.sku, line.quantity, line.is_gift_card)
                for line in fact.lines
            ),
            fact.paid_with_points,
            fact.channel,
            fact.store,
            fact.promotion_code,
            fact.is_gift,
        ),
    )


def _interacted(outcome: Outcome[InteractionFact]) -> InteractionReported:
    fact = outcome.fact
    return InteractionReported(
        _known(outcome.id), fact.number, fact.kind, _known(outcome.customer_id), fact.occurred_at, fact.sku
    )


def _known(value: UUID | None) -> UUID:
    assert value is not None, "a recorded order of a customer has both ids"
    return value
