"""Where a member stands, as decisions see it: frozen values. Pure."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import ClassVar
from uuid import UUID

from customers.core.values import dataclass
from loyalty.engine.activities import is_of_order
from loyalty.engine.decision import Effect
from loyalty.engine.member import Key
from loyalty.engine.versions import RulesOf
from loyalty.tiers.rules import Standing, TierScheme

TIERS: "Key[TierState]" = Key("tiers")
SCHEME: RulesOf[TierScheme] = RulesOf("tiers")
MERGED = "merged"  # how the cause of a change begins that came with somebody who was taken over


@dataclass(frozen=True, slots=True)
class TierEntry:
    """
    An earlier change of tier, by the tiers' keys; None is no tier.

    :param protected_until: the first day on which the tier before could have been lost
    :param gifts_back: of the tiers entered by it, those whose gift a return took back since
    """

    at: datetime
    from_key: UUID | None
    to_key: UUID | None
    cause: str = ""
    protected_until: date | None = None
    gifts_back: Sequence[UUID] = ()

    def is_by(self, order_id: UUID) -> bool:
        """Tell whether an order caused it, or a correction of the order."""
        return is_of_order(self.cause, order_id) or self.cause.startswith(f"correct:{order_id}:")


@dataclass(frozen=True, slots=True)
class TierState:
    """
    Where a member stands.

    :param tier_id: the row of its tier; None for none
    :param key: the tier's identity
    :param since: from when it has the tier
    :param protected_until: the first day on which it may lose it: the end of a period or of a grace
    :param gifts_missing: points of gifts that were to be taken back and were not there: the next gifts are less by them
    :param changed_at: when it last changed: later than `since` where a return left a tier that it had before
    :param changes: earlier changes of its tier, oldest first; only where a decision looks back behind `since`
    :param taken_over: those of each member that it took over from, with them
    """

    tier_id: int | None = None
    key: UUID | None = None
    since: datetime | None = None
    protected_until: date | None = None
    gifts_missing: int = 0
    changed_at: datetime | None = None
    changes: tuple[TierEntry, ...] = ()
    taken_over: tuple[tuple[TierEntry, ...], ...] = ()

    @property
    def standing(self) -> Standing:
        return Standing(self.key, self.protected_until)

    def key_at(self, instant: datetime) -> UUID | None:
        """
        Return the tier that it had at an instant, as far as its known changes tell.

        It may have its tier since it was of somebody whom it took over: until then it had its own.
        """
        is_merged_since = any(change.at > instant and change.cause.startswith(MERGED) for change in self.changes)
        if not is_merged_since and (self.since is None or instant >= self.since):
            return self.key
        before = [change for change in self.changes if change.at <= instant]
        if before:
            return before[-1].to_key
        later = [change for change in self.changes if change.at > instant]
        return later[0].from_key if later else self.key

    def key_without(self, order_id: UUID, instant: datetime) -> UUID | None:
        """Return the tier that it had at an instant before an order, and corrections of it, had changed it."""
        key = self.key_at(instant)
        for change in reversed([change for change in self.changes if change.at <= instant]):
            if not change.is_by(order_id):
                break
            key = change.from_key
        return key


@dataclass(frozen=True, slots=True)
class TierChanged(Effect):
    """
    A member goes from one tier to another; None is no tier.

    :param protected_until: the first day on which it could have lost the tier before
    """

    writer: ClassVar[str] = "tiers"
    retailer_id: int
    membership_id: UUID
    from_tier_id: int | None
    to_tier_id: int | None
    cause: str
    qualifying: Decimal
    occurred_at: datetime
    protected_until: date | None = None
