"""The past of all members, lived again from the first day on in the order in which things occurred."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from tests.properties.model.standing import Counted, Entry, Standing
from tests.properties.model.terms import MAIN, Calendar, Terms, Version, WalletTerms, same_period

Key = tuple[str, ...]


@dataclass(frozen=True)
class OrderFact:
    """An order of one line."""

    number: str
    member: str
    at: datetime
    unit_price: Fraction
    quantity: int
    paid: Fraction = Fraction(0)
    redemptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReturnFact:
    number: str
    order: str
    at: datetime
    quantity: int


@dataclass(frozen=True)
class VisitFact:
    number: str
    member: str
    at: datetime


@dataclass(frozen=True)
class DeliveryFact:
    order: str
    at: datetime


Fact = OrderFact | ReturnFact | VisitFact | DeliveryFact


@dataclass
class Occasion:
    """All that decides what something earned: it is kept for the returns of it."""

    terms: Terms
    multiplier: Fraction
    extra_months: int
    is_first: bool = False


@dataclass
class Decided:
    """An order or a visit with what it gave, and what of that it keeps, wallet by wallet."""

    fact: OrderFact | VisitFact
    occasion: Occasion
    left: int
    gave: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    delivered_at: datetime | None = None

    def worth(self) -> dict[str, int]:
        """Return what rules give for what is left, before limits."""
        terms = self.occasion.terms
        if isinstance(self.fact, VisitFact):
            return {MAIN: terms.visit_points}
        money = self.spend()
        points = {
            wallet: int(money * rate * (self.occasion.multiplier if wallet == MAIN else 1))
            for wallet, rate in terms.rates.items()
        }
        if self.occasion.is_first and self.left:
            points[MAIN] += terms.bonus
        return points

    def spend(self) -> Fraction:
        """Return the money that was paid for what is left; money comes back before what was paid with points does."""
        if isinstance(self.fact, VisitFact):
            return Fraction(0)
        return max(Fraction(0), self.left * self.fact.unit_price - self.fact.paid)

    def counted(self) -> Counted:
        is_order = isinstance(self.fact, OrderFact)
        return Counted(
            at=self.fact.at,
            spend=self.spend(),
            points=self.kept.get(MAIN, 0),
            orders=int(is_order and self.left > 0),
            visits=int(not is_order),
        )


@dataclass
class Gift:
    """What entering a tier gave."""

    entry: Entry
    at: datetime
    points: int
    extra_months: int
    terms: Terms
    is_kept: bool = True


@dataclass(frozen=True)
class Award:
    """Points that a past entitles a member to."""

    key: Key
    wallet: str
    points: int
    at: datetime
    since: datetime | None
    terms: WalletTerms
    extra_months: int
    may_wait: bool


@dataclass
class Life:
    """One membership of a customer: what it did, where it stands and what it is entitled to."""

    name: str
    number: int
    enrolled_at: datetime
    standing: Standing
    left_at: datetime | None = None
    decided: dict[str, Decided] = field(default_factory=dict)
    gifts: list[Gift] = field(default_factory=list)
    changes: list[tuple[str, str, datetime]] = field(default_factory=list)

    def is_member_at(self, at: datetime) -> bool:
        return self.enrolled_at <= at and (self.left_at is None or at < self.left_at)

    def awards(self) -> list[Award]:
        """Return what it is entitled to, the oldest first."""
        found = []
        for decided in self.decided.values():
            for wallet in decided.gave:
                terms = decided.occasion.terms.wallets[wallet]
                since: datetime | None = decided.fact.at
                if terms.awaits and isinstance(decided.fact, OrderFact):
                    since = decided.delivered_at
                kind = "order" if isinstance(decided.fact, OrderFact) else "visit"
                found.append(
                    Award(
                        (kind, decided.fact.number),
                        wallet,
                        decided.kept[wallet],
                        decided.fact.at,
                        since,
                        terms,
                        decided.occasion.extra_months,
                        may_wait=True,
                    )
                )
        nth: dict[str, int] = {}
        for gift in self.gifts:
            code = gift.entry.code
            nth[code] = nth.get(code, 0) + 1
            key = ("gift", self.name, str(self.number), code, str(nth[code]))
            points = gift.points if gift.is_kept else 0
            terms = gift.terms.wallets[MAIN]
            found.append(Award(key, MAIN, points, gift.at, gift.at, terms, gift.extra_months, may_wait=False))
        return sorted(found, key=lambda award: (award.at, award.key[0] == "gift", award.key))

    def activities(self, wallet: str) -> list[datetime]:
        """Return when it earned points of a wallet."""
        earned = [each.fact.at for each in self.decided.values() if each.gave.get(wallet, 0)]
        return earned + [gift.at for gift in self.gifts if wallet == MAIN and gift.points]


# Whether a late fact decides later orders anew (question 1). If not, what something earned is what was decided when it came.
DECIDES_ANEW = False


class Past:
    """All facts that are known, and the memberships that there were."""

    def __init__(self, calendar: Calendar, versions: list[Version]) -> None:
        self.calendar = calendar
        self.versions = versions
        self.facts: list[Fact] = []
        self.spans: list[tuple[str, int, datetime, datetime | None]] = []
        self.frozen: dict[str, tuple[Occasion, dict[str, int]]] = {}  # what was decided for good

    def live(self, until: datetime) -> list[Life]:
        """Live all that occurred up to an instant."""
        lives = [
            Life(name, number, enrolled, Standing(self.calendar, self.versions, enrolled), left)
            for name, number, enrolled, left in self.spans
        ]
        for fact in sorted((fact for fact in self.facts if fact.at <= until), key=_when):
            if isinstance(fact, OrderFact | VisitFact):
                for life in lives:
                    if life.name == fact.member and life.is_member_at(fact.at):
                        self._earn(life, fact, lives)
                continue
            for life in lives:
                if fact.order in life.decided:
                    if isinstance(fact, ReturnFact):
                        self._give_back(life, fact)
                    else:
                        life.decided[fact.order].delivered_at = fact.at
        for life in lives:
            self._advance(life, until if life.left_at is None else life.left_at)
        return lives

    def _earn(self, life: Life, fact: OrderFact | VisitFact, lives: Sequence[Life]) -> None:
        self._advance(life, fact.at)
        terms = terms_at(self.versions, fact.at)
        step = life.standing.step(terms)
        own = [each for other in lives if other.name == life.name for each in other.decided.values()]
        stands = any(isinstance(each.fact, OrderFact) and each.left for each in own)
        occasion = Occasion(
            terms, step.multiplier if step else Fraction(1), step.extra_months if step else 0, is_first=not stands
        )
        decided = Decided(fact, occasion, fact.quantity if isinstance(fact, OrderFact) else 1)
        if fact.number in self.frozen:
            decided.occasion, gave = self.frozen[fact.number]
            decided.gave = dict(gave)
        else:
            decided.gave = self._limited(life, fact.at, decided.worth(), terms, lives)
            if not DECIDES_ANEW:
                self.frozen[fact.number] = (occasion, dict(decided.gave))
        decided.kept = dict(decided.gave)
        life.decided[fact.number] = decided
        life.standing.count(decided.counted())
        self._note(life)

    def _limited(
        self, life: Life, at: datetime, worth: Mapping[str, int], terms: Terms, lives: Sequence[Life]
    ) -> dict[str, int]:
        """Return what limits and budget leave: the order's rejects it whole, the others cap."""
        gave = {}
        for wallet, points in worth.items():
            rules = terms.wallets[wallet]
            given = points
            if rules.transaction_limit is not None and given > rules.transaction_limit:
                given = 0
            if rules.period_limit is not None:
                given = min(given, max(0, rules.period_limit - self._used([life], wallet, rules.period, at)))
            if rules.budget is not None:
                given = min(given, max(0, rules.budget - self._used(lives, wallet, rules.budget_period, at)))
            gave[wallet] = given
        return gave

    def _used(self, lives: Iterable[Life], wallet: str, period: str, at: datetime) -> int:
        """Return what was given and kept in the period of an instant."""
        on = self.calendar.day(at)
        return sum(
            decided.kept.get(wallet, 0)
            for life in lives
            for decided in life.decided.values()
            if same_period(period, on, self.calendar.day(decided.fact.at))
        )

    def _give_back(self, life: Life, fact: ReturnFact) -> None:
        """Keep the lesser of what the order gave and of what is left would earn; stand as without what came back."""
        self._advance(life, fact.at)
        order = life.decided[fact.order]
        order.left -= fact.quantity
        worth = order.worth() if order.left else {}
        order.kept = {wallet: min(points, worth.get(wallet, 0)) for wallet, points in order.gave.items()}
        before = life.standing
        again = Standing(self.calendar, self.versions, before.enrolled_at)
        for decided in life.decided.values():
            again.advance(decided.fact.at)
            again.count(decided.counted())
        again.advance(fact.at)
        again.changes.clear()
        if again.tier != before.tier:
            life.changes.append((before.code, again.code, fact.at))
        _match([gift for gift in life.gifts if gift.is_kept], again.entries)
        again.new_entries.clear()
        life.standing = again

    def _advance(self, life: Life, until: datetime) -> None:
        life.standing.advance(until)
        self._note(life)

    def _note(self, life: Life) -> None:
        """Give the gifts of what was entered."""
        for entry in life.standing.new_entries:
            terms = terms_at(self.versions, entry.at)
            step = next(step for step in terms.ladder.steps if step.code == entry.code)
            life.gifts.append(Gift(entry, entry.at, step.gift, step.extra_months, terms))
        life.standing.new_entries.clear()
        life.changes += life.standing.changes
        life.standing.changes.clear()


def terms_at(versions: Sequence[Version], at: datetime) -> Terms:
    return [version.terms for version in versions if version.start <= at][-1]


def _when(fact: Fact) -> tuple[datetime, int, str]:
    """Return the place of a fact in the order of occurrence."""
    rank = 0 if isinstance(fact, OrderFact | VisitFact) else 1
    return fact.at, rank, getattr(fact, "number", "")


def _match(gifts: Iterable[Gift], entries: Iterable[Entry]) -> None:
    """Let gifts stay whose tier is held in the past without the returned lines as well; the others are taken back."""
    free = list(entries)
    for gift in gifts:
        same = next((each for each in free if each.code == gift.entry.code and each.overlaps(gift.entry)), None)
        if same is None:
            gift.is_kept = False
        else:
            gift.entry = same
            free.remove(same)
