"""How far a member has come in challenges and on boards, as decisions see it: frozen values. Pure."""

from collections.abc import Mapping
from dataclasses import field, replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import ClassVar, NamedTuple
from uuid import UUID

from customers.core.values import dataclass
from loyalty.badges.reaching import Instants
from loyalty.badges.rules import Game, Tally
from loyalty.engine.decision import Effect
from loyalty.engine.member import Key
from loyalty.engine.versions import RulesOf

BADGES: "Key[BadgeState]" = Key("badges")
GAME: RulesOf[Game] = RulesOf("badges")
NONE_KNOWN: Instants = MappingProxyType({})
AWARD = "award-"  # begins what the lots of awards are called


class Place(NamedTuple):
    """
    Where facts of a member count: a window of a challenge or of a board.

    :param name: the key of the challenge or of the board, as 32 hexadecimal digits
    :param window: its name
    """

    name: str
    window: str


class Progress(NamedTuple):
    """
    What a member has in a window.

    :param given: how many awards of it the member has
    :param tallies: one for each goal
    :param at: when what it holds last changed, or, of a board, was reached: in ISO 8601 of UTC, which sorts as instants do
    :param instants: of a board: when the items of its tally were added
    """

    given: int
    tallies: tuple[Tally, ...]
    at: str
    instants: Instants = NONE_KNOWN


def stamp_of(instant: datetime) -> str:
    """Return an instant as progress names it."""
    return instant.astimezone(UTC).isoformat()


def is_award(gift: str) -> bool:
    """Tell whether a gift's lots are those of an award."""
    return gift.startswith(AWARD)


@dataclass(frozen=True, slots=True)
class HeldAward:
    """
    An award that a member has.

    :param number: the how manieth it is of its window
    :param version_id: by which it was given: what its challenge asked for
    :param comes_back: whether it is taken back when facts that met its challenge are returned
    :param badge_from: the award with whose points came what its badge gives, where that is another one, which is gone
    """

    id: UUID
    place: Place
    number: int
    version_id: int
    comes_back: bool
    badge_key: UUID | None
    wallet: str
    points: int
    badge_from: UUID | None = None

    @property
    def label(self) -> str:
        """Return by what its lots are known."""
        return f"{AWARD}{self.id.hex}"

    @property
    def badge_label(self) -> str:
        """Return by what the lots are known in which lies what its badge gave."""
        return f"{AWARD}{self.brought_by.hex}"

    @property
    def brought_by(self) -> UUID:
        """Return the award with which came what its badge gave."""
        return self.badge_from or self.id


@dataclass(frozen=True, slots=True)
class BadgeState:
    """
    How far a member has come.

    :param windows: what counts where; of windows that ended long ago only where a decision looks at them
    :param joined: since when it takes part in what one joins, by the key of it
    :param badges: how many times it was given each badge, by the badge's key
    :param missing: points of awards that were to be taken back and were not there, by wallet: the next awards are less by them
    :param segments: to which it belongs, as far as it agreed to a profile
    :param awards: those that it has; only where a decision may take some back
    :param archived_before: windows that ended before this day lie in the archive; empty where none does
    """

    windows: Mapping[Place, Progress] = field(default_factory=dict)
    joined: Mapping[str, datetime] = field(default_factory=dict)
    badges: Mapping[str, int] = field(default_factory=dict)
    missing: Mapping[str, int] = field(default_factory=dict)
    segments: frozenset[str] = frozenset()
    awards: tuple[HeldAward, ...] = ()
    archived_before: str = ""

    def with_progress(self, place: Place, progress: Progress) -> "BadgeState":
        """Return it with something else counted in a window; a window that holds nothing is none."""
        windows = {**self.windows, place: progress}
        if not progress.given and not any(progress.tallies):
            del windows[place]
        return replace(self, windows=windows)

    def with_award(self, award: HeldAward) -> "BadgeState":
        return replace(self, awards=(*self.awards, award), badges=self._counted(award, 1))

    def with_worth(self, worth: "AwardWorth") -> "BadgeState":
        """Return it with an award that carries other points."""
        awards = [
            replace(each, points=worth.points, badge_from=worth.badge_from) if each.id == worth.award_id else each
            for each in self.awards
        ]
        return replace(self, awards=tuple(awards))

    def without_award(self, award: HeldAward) -> "BadgeState":
        awards = tuple(each for each in self.awards if each.id != award.id)
        return replace(self, awards=awards, badges=self._counted(award, -1))

    def _counted(self, award: HeldAward, change: int) -> Mapping[str, int]:
        if award.badge_key is None:
            return self.badges
        name = award.badge_key.hex
        badges = {**self.badges, name: self.badges.get(name, 0) + change}
        if not badges[name]:
            del badges[name]
        return badges


@dataclass(frozen=True, slots=True)
class BadgeEffect(Effect):
    """One thing that this capability writes."""

    writer: ClassVar[str] = "badges"


@dataclass(frozen=True, slots=True)
class AwardGiven(BadgeEffect):
    """
    A challenge was met.

    :param challenge_id: its row in the version
    :param badge_id: the row of the badge that it gives; None for none
    :param level: of the badge, or of the challenge, that was reached; 0 for none
    :param cause: what met it, such as order:ID
    """

    retailer_id: int
    program_id: int
    membership_id: UUID
    challenge_id: int
    badge_id: int | None
    award: HeldAward
    level: int
    cause: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class AwardWorth(BadgeEffect):
    """
    An award carries other points than before: of its badge, which several awards give, as one of them is taken back.

    :param badge_from: as that of the award
    """

    award_id: UUID
    points: int
    badge_from: UUID | None


@dataclass(frozen=True, slots=True)
class AwardEnded(BadgeEffect):
    """
    An award was taken back.

    :param points: that were to be taken with it
    :param missing: of them, those that were not there any more
    """

    award_id: UUID
    points: int
    reason: str
    cause: str
    missing: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class AwardsEnded(BadgeEffect):
    """All awards of a membership end with it."""

    membership_id: UUID
    reason: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class AwardsMoved(BadgeEffect):
    """
    All awards of a membership go to another one of the same person.

    :param most: how many awards one member can have in a window of a challenge, by its name, where that is limited: theirs are
        counted on from a whole number of them, so that each stays the award of its level
    """

    from_membership_id: UUID
    to_membership_id: UUID
    most: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Joined(BadgeEffect):
    """A member takes part in a challenge or a board from an instant on."""

    retailer_id: int
    program_id: int
    membership_id: UUID
    name: str
    pseudonym: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class BoardLeft(BadgeEffect):
    """A member is on a board no more."""

    membership_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ScoreChanged(BadgeEffect):
    """
    A member who is on a board has another score there.

    :param at: since when it has this score
    """

    retailer_id: int
    program_id: int
    membership_id: UUID
    place: Place
    score: int
    at: datetime
