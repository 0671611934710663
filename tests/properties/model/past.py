"""The past of all members, lived again from the first day on in the order in which things occurred."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any, TypeGuard

from tests.properties.model.standing import Counted, Entry, Standing
from tests.properties.model.terms import MAIN, Calendar, ExtraTerms, Step, Terms, Version, WalletTerms, same_period

Key = tuple[str, ...]


@dataclass(frozen=True)
class OrderFact:
    """An order of one line, whose product's category is told by its price."""

    number: str
    member: str
    at: datetime
    unit_price: Fraction
    quantity: int
    paid: Fraction = Fraction(0)
    redemptions: tuple[str, ...] = ()

    @property
    def category(self) -> str:
        return "ABC"[int(self.unit_price) % 3]


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


@dataclass(frozen=True)
class MergeFact:
    """That two customers are one: what `goes` has is of `stays` from now on."""

    goes: str
    stays: str
    at: datetime


@dataclass(frozen=True)
class CorrectionFact:
    """That an order has been corrected; the order itself says what it says now."""

    number: str
    at: datetime


Fact = OrderFact | ReturnFact | VisitFact | DeliveryFact | MergeFact
Told = Fact | CorrectionFact


@dataclass(frozen=True)
class Passed:
    """The bonus of a first order that went to the next one, because nothing was left of the first."""

    points: int
    at: datetime


@dataclass
class Occasion:
    """
    All that decides what something earned: it is kept for the returns of it.

    :ivar local: when it was, by the program's clock
    :ivar tier: the code of the tier that its member had, and `plan` of the plan
    """

    terms: Terms
    multiplier: Fraction
    extra_months: int
    local: datetime
    tier: str = ""
    plan: str = ""
    is_first: bool = False

    def meets(self, extra: ExtraTerms, money: Fraction) -> bool:
        """Tell whether an order of so much money meets what an extra asks."""
        is_time = extra.hours is None or extra.hours[0] <= self.local.hour < extra.hours[1]
        is_day = not extra.weekdays or self.local.weekday() in extra.weekdays
        is_member = (not extra.tiers or self.tier in extra.tiers) and (not extra.plans or self.plan in extra.plans)
        return is_time and is_day and is_member and money >= extra.minimum


@dataclass
class Decided:
    """An order or a visit with what it gave, and what of that it keeps, wallet by wallet."""

    fact: OrderFact | VisitFact
    occasion: Occasion
    left: int
    gave: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    delivered_at: datetime | None = None
    passed: "Passed | None" = None

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
        if self.occasion.is_first and self.left and (money or not self.fact.paid):
            points[MAIN] += terms.bonus
        points[MAIN] += self._extra(money)
        return points

    def _extra(self, money: Fraction) -> int:
        extra = self.occasion.terms.extra
        assert isinstance(self.fact, OrderFact), "visits give points of their own"
        if extra is None or not self.left or (self.fact.paid and not money) or not self.occasion.meets(extra, money):
            return 0
        units = Fraction(1) if extra.kind == "per_order" else money / self.fact.unit_price
        points = int(units * extra.points * (self.occasion.multiplier if extra.is_multiplied else 1))
        return min(points, extra.cap) if extra.cap else points

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
    """
    What entering a tier gave.

    :ivar key: of its award
    """

    entry: Entry
    at: datetime
    points: int
    extra_months: int
    terms: Terms
    key: Key = ()
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
    passed: Passed | None = None


@dataclass
class Lived:
    """Up to when a membership was lived last, on which tier it was then and since when, and its gifts so far."""

    until: datetime
    tier: int
    since: datetime
    gifts: list[Gift]


@dataclass
class Life:
    """
    One membership of a customer: what it did, where it stands and what it is entitled to.

    :ivar taken_over: other memberships that became a part of it, with the instants
    :ivar is_merged: that it became a part of another one
    """

    name: str
    number: int
    enrolled_at: datetime
    standing: Standing
    left_at: datetime | None = None
    decided: dict[str, Decided] = field(default_factory=dict)
    gifts: list[Gift] = field(default_factory=list)
    changes: list[tuple[str, str, datetime]] = field(default_factory=list)
    taken_over: "list[tuple[datetime, Life]]" = field(default_factory=list)
    is_merged: bool = False

    def is_member_at(self, at: datetime) -> bool:
        return self.enrolled_at <= at and (self.left_at is None or at < self.left_at) and not self.is_merged

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
                        passed=decided.passed if wallet == MAIN else None,
                    )
                )
        for gift in self.gifts:
            points = gift.points if gift.is_kept else 0
            terms = gift.terms.wallets[MAIN]
            found.append(Award(gift.key, MAIN, points, gift.at, gift.at, terms, gift.extra_months, may_wait=False))
        return sorted(found, key=_in_turn)

    def activities(self, wallet: str) -> list[datetime]:
        """Return when it earned points of a wallet."""
        earned = [each.fact.at for each in self.decided.values() if each.gave.get(wallet, 0)]
        earned += [each.passed.at for each in self.decided.values() if wallet == MAIN and each.passed]
        return earned + [gift.at for gift in self.gifts if wallet == MAIN and gift.points]


def _in_turn(award: Award) -> tuple[Any, ...]:
    """Sort awards as they are given: of one instant gifts come last, that of the lower tier first."""
    is_gift = award.key[0] == "gift"
    return award.at, is_gift, int(award.key[-1]) if is_gift else 0, award.key


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
        self.first: dict[str, str] = {}  # which order of a member counts as its first
        self.gave_up: set[str] = set()  # orders that were first, of which nothing was left
        self.passed: dict[str, Passed] = {}
        self.known: dict[str, Decided] = {}  # as they were when all was lived last
        self.lived: dict[tuple[str, int], Lived] = {}
        self.back_since: dict[tuple[str, int], datetime] = {}  # where a return was the last to change the tier
        self.had: dict[tuple[str, int], list[tuple[datetime, str]]] = {}  # since when which tier, as it was told
        self.occasions: dict[str, Occasion] = {}  # on which orders were decided that have been corrected since
        self.plan_of: Callable[[str, datetime], tuple[str, Fraction]] = lambda _name, _at: ("", Fraction(1))

    @property
    def merges(self) -> list[MergeFact]:
        return [fact for fact in self.facts if isinstance(fact, MergeFact)]

    def heir(self, name: str) -> str:
        """Return who has what a customer had."""
        return next((self.heir(fact.stays) for fact in self.merges if fact.goes == name), name)

    def has_ended(self, number: str, now: datetime) -> bool:
        """Tell whether the membership has ended in which an order was bought."""
        order = next(each for each in self.facts if isinstance(each, OrderFact) and each.number == number)
        return any(
            who == order.member and since <= order.at and left is not None and order.at < left <= now
            for who, _, since, left in self.spans
        )

    def merge(self, fact: MergeFact) -> None:
        """Note that two are one: nothing is earned anew, and of two first orders the earlier one is the person's."""
        for number, decided in self.known.items():
            if self.heir(decided.fact.member) in {fact.goes, fact.stays}:
                self.frozen[number] = (decided.occasion, dict(decided.gave))
        firsts = {self.first[name] for name in (fact.goes, fact.stays) if name in self.first}
        for each in sorted(self.facts, key=_when, reverse=True):
            if isinstance(each, OrderFact) and each.number in firsts:
                self.first[fact.stays] = each.number
        self.facts.append(fact)
        last = {name: nth for name, nth, *_ in self.spans}
        gone, stays = (self.lived[name, last[name]] for name in (fact.goes, fact.stays))
        stays.gifts += gone.gifts

    def live(self, until: datetime, told: Told | None = None) -> list[Life]:
        """
        Live all that occurred up to an instant.

        :param told: what has just been learned, if anything
        """
        self._appoint_first(told)
        lives = self._live(until)
        self.known = {number: decided for life in lives for number, decided in life.decided.items()}
        for life in lives:
            self._note_tier(life, until, told)
            self._give_gifts(life, until, told)
        return lives

    def _appoint_first(self, told: Told | None) -> None:
        """Let the bonus of the first order be with one that is kept; it passes on to the earliest of them."""
        for name in {self.heir(name) for name, *_ in self.spans}:
            kept = [fact.number for fact in sorted(self.facts, key=_when) if self._is_kept(fact, name)]
            if not kept or (self.first.get(name) in kept and not DECIDES_ANEW):
                continue
            if kept[0] not in self.frozen or not self.frozen[kept[0]][0].is_first:
                self.gave_up.add(self.first.get(name, ""))
            self.first[name] = kept[0]
            if kept[0] in self.frozen and told is not None:
                self._pass_bonus(kept[0], told.at)

    def _is_kept(self, fact: Fact, name: str) -> TypeGuard[OrderFact]:
        """Tell whether something is left of a member's order; what comes back of an earlier membership changes nothing."""
        if not isinstance(fact, OrderFact) or self.heir(fact.member) != name:
            return False
        for who, _, since, left in self.spans:
            if who == fact.member and since <= fact.at and (left is None or fact.at < left):
                back = [each for each in self.facts if isinstance(each, ReturnFact) and each.order == fact.number]
                return sum(each.quantity for each in back if left is None or each.at < left) < fact.quantity
        return False

    def _pass_bonus(self, number: str, at: datetime) -> None:
        """Give an order the bonus that it did not have, as far as there is room for it now."""
        occasion, gave = self.frozen[number]
        if occasion.is_first:
            return
        decided, rules = self.known[number], occasion.terms.wallets[MAIN]
        fact = decided.fact
        assert isinstance(fact, OrderFact)
        whole = Decided(fact, occasion, fact.quantity).worth()[MAIN]
        is_rejected = rules.transaction_limit is not None and whole > rules.transaction_limit
        kept = {
            one: each
            for one, each in self.known.items()
            if isinstance(each.fact, VisitFact) or self._is_kept(each.fact, self.heir(each.fact.member))
        }
        points = 0 if is_rejected else self._room(fact.member, fact.at, MAIN, occasion.terms.bonus, rules, kept)
        self.frozen[number] = (replace(occasion, is_first=True), gave | {MAIN: gave[MAIN] + points})
        if points:
            self.passed[number] = Passed(points, at)

    def _note_tier(self, life: Life, until: datetime, told: Told | None) -> None:
        """Note which tier a member had when, as it was told: what a late fact changes is had from now on."""
        was, had = self.lived.get((life.name, life.number)), self.had.setdefault((life.name, life.number), [])
        if was is None:
            had.append((life.enrolled_at, life.standing.code))
            return
        if had[-1][1] != life.standing.code:
            self._note_back(life, had, told)
        is_punctual = told is not None and told.at == until
        for _, code, at in life.changes:
            is_new = at > was.until or (is_punctual and at == until)
            if is_new and (at, code) not in had and code != had[-1][1]:
                had.append((max(at, had[-1][0]), code))
        if had[-1][1] != life.standing.code:
            is_late = told is None or (not isinstance(told, ReturnFact) and self._is_late(told.at, until))
            at = until if told is None or is_late else max(told.at, had[-1][0])
            had.append((at, life.standing.code))

    def _note_back(self, life: Life, had: Sequence[tuple[datetime, str]], told: Told | None) -> None:
        """Note since when a member has the tier to which a return brings it back."""
        key, standing, day = (life.name, life.number), life.standing, self.calendar.day
        self.back_since.pop(key, None)
        if isinstance(told, ReturnFact | CorrectionFact) and standing.since is not None:
            since = [at for at, code in had if code == standing.code and day(at) == day(standing.since)]
            if since:
                self.back_since[key] = since[-1]

    def _is_late(self, at: datetime, until: datetime) -> bool:
        """Tell whether a midnight or the beginning of a version lies between an instant and the telling of it."""
        begun = any(at < version.start <= until for version in self.versions)
        return begun or self.calendar.day(at) < self.calendar.day(until)

    def story(self, life: Life) -> list[tuple[str, str, datetime]]:
        """Return the changes of tier as they were told."""
        had = self.had[life.name, life.number]
        return [(before, code, at) for (_, before), (at, code) in pairwise(had)]

    def _step_at(self, life: Life, at: datetime, terms: Terms) -> Step | None:
        """Return the tier that decides what occurred at an instant: the one that was told for it then."""
        was = self.lived.get((life.name, life.number))
        if was is None or at >= was.until or DECIDES_ANEW:
            return life.standing.step(terms)
        had, back = self.had[life.name, life.number], self.back_since.get((life.name, life.number))
        # A tier that a return left is held as since before what came back: so it was the tier of that time.
        before = [code for since, code in had if since <= at] if back is None or at < back else [had[-1][1]]
        return next((step for step in terms.ladder.steps if before and step.code == before[-1]), None)

    def _give_gifts(self, life: Life, until: datetime, told: Told | None) -> None:
        """
        Give the gifts of tiers that were entered, and take those back of entries that a return undid.

        What a late fact has changed of the past is had from now on: so is its gift, by what is promised now.
        """
        if life.is_merged:  # its gifts are those of the one who stays
            return
        was = self.lived.get((life.name, life.number))
        gifts = was.gifts if was else []
        is_undoing = isinstance(told, ReturnFact | CorrectionFact)
        if is_undoing and life.taken_over:
            self._take_gifts_of_two(life, gifts, until)
        free = list(life.standing.entries)
        for gift in [each for each in gifts if each.is_kept]:
            same = next((each for each in free if each.code == gift.entry.code and each.overlaps(gift.entry)), None)
            if same is not None:
                gift.entry = same
                free.remove(same)
            elif is_undoing and not life.taken_over:
                gift.is_kept = False
        higher = life.standing.codes[was.tier + 1 :] if was else []
        for entry in free:
            is_new = was is None or entry.at > was.until or (told is not None and entry.at == told.at == until)
            if is_new:
                self._give_gift(life, gifts, entry, entry.at)
            elif (
                isinstance(told, OrderFact | VisitFact | CorrectionFact)
                and entry.left_at is None
                and entry.code in higher
            ):
                self._give_gift(life, gifts, entry, until)
        life.gifts = gifts
        self.lived[life.name, life.number] = Lived(until, life.standing.tier, life.standing.since, gifts)

    def _take_gifts_of_two(self, life: Life, gifts: list[Gift], until: datetime) -> None:
        """
        Take the gifts of two who are one that what is left of both does not lead to, the earliest first.

        Both count as one who was always one. Gifts of a tier that was held at one time stay as long as it reaches that tier as
        often; days do not tell what came first within one of them.
        """
        kept: list[Entry] = []
        free = self._as_one(life, until, 1)
        for gift in sorted((each for each in gifts if each.is_kept), key=lambda each: each.at):
            held = Entry(gift.entry.code, gift.at, self._lost_at(life, gift))
            same = next((each for each in free if self._meet(each, held)), None)
            if same is not None:
                free.remove(same)
            else:
                times = 1 + sum(self._meet(each, held) for each in kept)
                if not any(self._meet(each, held) for each in self._as_one(life, until, times)):
                    gift.is_kept = False
                    continue
            kept.append(held)

    def _as_one(self, life: Life, until: datetime, times: int) -> list[Entry]:
        """Return the entries of who had done all that a life holds, with so many times what tiers ask for."""
        versions = [
            replace(version, terms=replace(version.terms, ladder=version.terms.ladder.times(times)))
            for version in self.versions
        ]
        one = Standing(self.calendar, versions, life.standing.enrolled_at)
        for each in sorted(life.decided.values(), key=lambda each: each.fact.at):
            one.advance(each.fact.at)
            one.count(each.counted())
        one.advance(until)
        return one.entries

    def _lost_at(self, life: Life, gift: Gift) -> datetime | None:
        """Return when the tier was lost that gave a gift, by what was told to whoever had it."""
        _, name, number, *_ = gift.key
        merged_at = next(
            (at for at, other in life.taken_over if (other.name, str(other.number)) == (name, number)), None
        )
        own = self.had[name, int(number)]
        told = [(at, code) for at, code in own if merged_at is None or at <= merged_at]
        if merged_at is not None:
            told += [(at, code) for at, code in self.had[life.name, life.number] if at >= merged_at]
        codes = life.standing.codes
        lower = codes[: codes.index(gift.entry.code)] if gift.entry.code in codes else []
        return next((at for at, code in told if at > gift.at and code in lower), None)

    def _meet(self, one: Entry, other: Entry) -> bool:
        """Tell whether one tier was held by two entries on one day."""
        day = self.calendar.day
        spans = [(day(each.at), day(each.left_at) if each.left_at else None) for each in (one, other)]
        (first, end), (then, last) = spans
        return one.code == other.code and (last is None or first <= last) and (end is None or then <= end)

    def _give_gift(self, life: Life, gifts: list[Gift], entry: Entry, at: datetime) -> None:
        terms = terms_at(self.versions, at)
        step = next((step for step in terms.ladder.steps if step.code == entry.code), None)
        if step is not None:
            key = ("gift", life.name, str(life.number), entry.code, str(len(gifts)))
            gifts.append(Gift(entry, at, step.gift, step.extra_months, terms, key))

    def _live(self, until: datetime) -> list[Life]:
        lives = [
            Life(name, number, enrolled, Standing(self.calendar, self.versions, enrolled), left)
            for name, number, enrolled, left in self.spans
        ]
        for fact in sorted((fact for fact in self.facts if fact.at <= until), key=_when):
            if isinstance(fact, MergeFact):
                self._join(lives, fact)
                continue
            if isinstance(fact, OrderFact | VisitFact):
                for life in lives:
                    if life.name == fact.member and life.is_member_at(fact.at):
                        self._earn(life, fact, lives)
                continue
            for life in lives:
                # What comes back of a membership that has ended changes nothing: all of it was forfeited.
                has_ended = life.left_at is not None and life.left_at <= fact.at
                if fact.order in life.decided and not life.is_merged and not has_ended:
                    if isinstance(fact, ReturnFact):
                        self._give_back(life, fact)
                    else:
                        life.decided[fact.order].delivered_at = fact.at
        for life in lives:
            self._advance(life, until if life.left_at is None else life.left_at)
        return lives

    def _join(self, lives: Sequence[Life], fact: MergeFact) -> None:
        """Let one life go on with what another one did, on the higher one of both tiers."""
        goes = next(life for life in lives if life.name == fact.goes and life.is_member_at(fact.at))
        stays = next(life for life in lives if life.name == fact.stays and life.is_member_at(fact.at))
        for life in (goes, stays):
            self._advance(life, fact.at)
        goes.is_merged = True
        stays.decided |= goes.decided
        stays.taken_over.append((fact.at, goes))
        stays.standing.take_over(goes.standing, fact.at, self._may_begin(stays))
        self._note(stays)

    def _may_begin(self, life: Life) -> datetime:
        """Return from when on a membership may be: after the one before it."""
        ends = [left for name, _, _, left in self.spans if name == life.name and left is not None]
        return max((left for left in ends if left <= life.enrolled_at), default=datetime.min.replace(tzinfo=UTC))

    def _earn(self, life: Life, fact: OrderFact | VisitFact, lives: Sequence[Life]) -> None:
        self._advance(life, fact.at)
        terms = terms_at(self.versions, fact.at)
        step = self._step_at(life, fact.at, terms)
        is_first = self.first.get(life.name) == fact.number
        plan, multiplier = self.plan_of(life.name, fact.at)
        occasion = Occasion(
            terms,
            multiplier * step.multiplier if step else multiplier,
            step.extra_months if step else 0,
            fact.at.astimezone(self.calendar.zone),
            step.code if step else "",
            plan,
            is_first,
        )
        decided = Decided(fact, occasion, fact.quantity if isinstance(fact, OrderFact) else 1)
        if fact.number in self.frozen:
            decided.occasion, gave = self.frozen[fact.number]
            decided.gave = dict(gave)
        else:
            if fact.number in self.occasions:  # the tier on which a corrected order was decided stays with it
                was_first = self.occasions[fact.number].is_first and fact.number not in self.gave_up
                occasion = replace(self.occasions[fact.number], is_first=is_first or was_first)
                decided.occasion = occasion
            decided.gave = self._limited(life, fact.at, decided.worth(), occasion.terms, lives)
            if not DECIDES_ANEW:
                self.frozen[fact.number] = (occasion, dict(decided.gave))
        decided.kept = dict(decided.gave)
        decided.passed = self.passed.get(fact.number)
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
            others = {number: each for one in lives for number, each in one.decided.items()}
            if not DECIDES_ANEW:  # what occurred later is known, too, and so is what came back
                others |= self.known
            gave[wallet] = self._room(life.name, at, wallet, given, rules, others)
        return gave

    def _room(
        self, name: str, at: datetime, wallet: str, points: int, rules: WalletTerms, known: Mapping[str, Decided]
    ) -> int:
        """Return what of some points the period's limit and the budget leave, by all that is known of their periods."""
        on = self.calendar.day(at)

        def used(period: str, of: Iterable[Decided]) -> int:
            return sum(
                each.kept.get(wallet, 0) for each in of if same_period(period, on, self.calendar.day(each.fact.at))
            )

        if rules.period_limit is not None:
            own = [
                each
                for each in known.values()
                if self._membership(each.fact.member, each.fact.at) == self._membership(name, at)
            ]
            points = min(points, max(0, rules.period_limit - used(rules.period, own)))
        if rules.budget is not None:
            points = min(points, max(0, rules.budget - used(rules.budget_period, known.values())))
        return points

    def _membership(self, name: str, at: datetime) -> tuple[str, int]:
        """Return to which membership what somebody did at an instant belongs: who comes back begins anew."""
        numbers = [number for who, number, since, _ in self.spans if who == name and since <= at]
        is_last = sum(who == name for who, *_ in self.spans) == max(numbers, default=0)
        into = next((fact for fact in self.merges if fact.goes == name), None)
        if into is not None and is_last:
            return self._membership(into.stays, into.at)
        return name, max(numbers, default=0)

    def _give_back(self, life: Life, fact: ReturnFact) -> None:
        """Keep the lesser of what the order gave and of what is left would earn; stand as without what came back."""
        self._advance(life, fact.at)
        order = life.decided[fact.order]
        order.left -= fact.quantity
        worth = order.worth() if order.left else {}
        order.kept = {wallet: min(points, worth.get(wallet, 0)) for wallet, points in order.gave.items()}
        before, again = life.standing, self._stand_again(life, fact.at)
        again.changes.clear()
        if again.tier != before.tier:
            life.changes.append((before.code, again.code, fact.at))
        life.standing = again

    def _stand_again(self, life: Life, until: datetime) -> Standing:
        """Return where a life stands by what is left of what it did."""
        again = Standing(self.calendar, self.versions, life.enrolled_at)
        theirs = {number for _, other in life.taken_over for number in other.decided}
        own = [decided for number, decided in life.decided.items() if number not in theirs]
        happened: list[tuple[datetime, Decided | Life]] = [(each.fact.at, each) for each in own]
        for at, what in sorted([*happened, *life.taken_over], key=lambda each: each[0]):
            again.advance(at)
            if isinstance(what, Life):
                again.take_over(self._stand_again(what, at), at, self._may_begin(life))
            else:
                again.count(what.counted())
        again.advance(until)
        return again

    def _advance(self, life: Life, until: datetime) -> None:
        life.standing.advance(until)
        self._note(life)

    def _note(self, life: Life) -> None:
        """Note the changes of tier."""
        life.changes += life.standing.changes
        life.standing.changes.clear()


def terms_at(versions: Sequence[Version], at: datetime) -> Terms:
    return [version.terms for version in versions if version.start <= at][-1]


def _when(fact: Fact) -> tuple[datetime, int, str]:
    """Return the place of a fact in the order of occurrence."""
    rank = 0 if isinstance(fact, OrderFact | VisitFact) else 2 if isinstance(fact, MergeFact) else 1
    return fact.at, rank, getattr(fact, "number", "")
