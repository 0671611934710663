"""
A shop in words: what the cases do with it and read of it, whatever the verbs behind the words are called.

Instants are written as the clock on the shop's wall shows them ("2026-03-01 12:00"). Where no `now` is given, what is
reported is reported at once, or at the latest instant of which the shop has heard.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from customers.core.calendar import midnight
from customers.core.errors import DomainError
from customers.core.tenancy import acting_for
from customers.facts import (
    CorrectionFact,
    InteractionFact,
    LineFact,
    OrderEventFact,
    OrderFact,
    ReturnFact,
    ReturnLineFact,
)
from customers.importing.report import Report
from customers.importing.running import run_import
from customers.models import Customer, Order, Retailer, Return
from customers.recording import record_interactions, record_orders, record_returns
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.enrolment import enrol, enrol_everyone
from loyalty.activity.account.households import transfer
from loyalty.activity.account.merging import MergeAnswer, take_merge
from loyalty.activity.account.spending import confirm, hold, redeem, release, reverse, time_out
from loyalty.activity.backlog import catch_up
from loyalty.activity.correcting import take_claim, take_correction
from loyalty.activity.explaining import Why, why
from loyalty.activity.intake import take_interactions, take_order_events, take_orders, take_returns
from loyalty.activity.models import NightRun
from loyalty.activity.nightly import run_nights
from loyalty.activity.progress import progress
from loyalty.configuration.drafts import create_program, open_draft, publish
from loyalty.memberships.households import leave, share
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningRule, Entry, PointsPolicy, Wallet
from loyalty.points.statement import Balance, Clock, balance, forecast, was
from loyalty.programs.models import Program, ProgramVersion
from loyalty.tiers.models import Tier, TierChange, TierPolicy
from tests import make
from tests.make import Rule, line

__all__ = ["NEGATIVE", "STOP", "Rule", "Rung", "Shop", "Shortfall", "line"]

When = str | datetime
Shortfall = dict[str, Any]
STOP: Shortfall = {"on_return": "stop_at_zero"}
NEGATIVE: Shortfall = {"on_return": "allow_negative"}


@dataclass(frozen=True)
class Rung:
    """
    A tier to be.

    :param longer: by how many months points live longer
    :param was: the code that the same tier had in the version before
    """

    code: str
    threshold: str
    times: str = "1"
    gift: int = 0
    longer: int = 0
    was: str = ""


class Change(NamedTuple):
    """A change of tier by codes, at an instant on the shop's clock."""

    before: str | None
    after: str | None
    at: str


class Line(NamedTuple):
    """A line of the statement: by how much what can be spent has changed, and for what."""

    kind: str
    points: int
    cause: str


@dataclass
class _Known:
    """What the programs of one retailer share: the latest instant that was heard of, and what was reported."""

    latest: datetime
    orders: dict[str, OrderFact] = field(default_factory=dict)


class Shop:
    """
    A retailer with a program whose first version is in force.

    :param tiers: lowest first
    :param policy: of the main wallet, field by field
    :param scheme: what tiers count, and how a member falls, field by field
    :param wallets: further wallets by code
    :param beside: a shop that has a program already; this one is a second program of its retailer
    """

    def __init__(
        self,
        zone: str = "Europe/Paris",
        currency: str = "EUR",
        *,
        rules: Sequence[Rule] = (Rule(),),
        tiers: Sequence[Rung] = (),
        policy: dict[str, Any] | None = None,
        scheme: dict[str, Any] | None = None,
        wallets: dict[str, dict[str, Any]] | None = None,
        since: When = "2026-01-01 00:00",
        published: When | None = None,
        beside: "Shop | None" = None,
    ) -> None:
        self.zone = ZoneInfo(beside.retailer.zone if beside else zone)
        self.retailer: Retailer = beside.retailer if beside else make.retailer(zone=zone, currency=currency)
        self.since = self.at(since)
        first = min(self.since, self.at(published or since))
        self.known: _Known = beside.known if beside else _Known(latest=first)
        self.holds: dict[tuple[str, str], UUID] = {}
        self.redemptions: dict[tuple[str, str], UUID] = {}
        draft = create_program(self.retailer, slug=make.number("club"), name="Club")
        self.program: Program = draft.program
        for code, given in (wallets or {}).items():
            PointsPolicy.objects.create(version=draft, code=code, **given)
        make.fill(draft, rules=rules, points=policy or {"pending_days": 0}, scheme=scheme)
        self._set_tiers(draft, tiers)
        publish(draft, effective_from=self.since, now=first)

    # The clock

    def at(self, when: When) -> datetime:
        """Return the instant that the clock on the wall shows so."""
        return when if isinstance(when, datetime) else datetime.fromisoformat(when).replace(tzinfo=self.zone)

    def said(self, instant: datetime) -> str:
        """Return an instant as the clock on the wall shows it, seconds only where there are any."""
        local = instant.astimezone(self.zone)
        return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"

    def _now(self, now: When | None, *facts: datetime) -> datetime:
        instant = self.at(now) if now is not None else max([self.known.latest, *facts])
        self.known.latest = max(self.known.latest, instant)
        return instant

    def hears_nothing_until(self, at: When) -> None:
        """Let what is read be read at an instant, or the latest one that was heard of."""
        self._now(at)

    # The program

    def publish(
        self,
        at: When,
        *,
        now: When | None = None,
        rules: Sequence[Rule] | None = None,
        tiers: Sequence[Rung] | None = None,
        policy: dict[str, Any] | None = None,
        scheme: dict[str, Any] | None = None,
        wallets: dict[str, dict[str, Any]] | None = None,
    ) -> None:
        """Publish another version from an instant on: as the latest one, but for what is given."""
        draft = self.draft(rules=rules, tiers=tiers, policy=policy, scheme=scheme, wallets=wallets)
        self.publish_draft(draft, at, now=now)

    def draft(
        self,
        *,
        rules: Sequence[Rule] | None = None,
        tiers: Sequence[Rung] | None = None,
        policy: dict[str, Any] | None = None,
        scheme: dict[str, Any] | None = None,
        wallets: dict[str, dict[str, Any]] | None = None,
    ) -> ProgramVersion:
        """Open a draft: as the latest version, but for what is given."""
        draft = open_draft(self.program)
        for code, given in (wallets or {}).items():
            PointsPolicy.objects.create(version=draft, code=code, **given)
        if rules is not None:
            EarningRule.objects.filter(version=draft).delete()
            make.add_rules(draft, rules)
        if policy is not None:
            PointsPolicy.objects.filter(version=draft, code="points").update(**policy)
        if scheme is not None:
            TierPolicy.objects.filter(version=draft).update(**scheme)
        if tiers is not None:
            self._set_tiers(draft, tiers)
        return draft

    def publish_draft(self, draft: ProgramVersion, at: When, *, now: When | None = None) -> None:
        publish(draft, effective_from=self.at(at), now=self._now(now))

    def _set_tiers(self, draft: ProgramVersion, rungs: Sequence[Rung]) -> None:
        """Make a draft's tiers these: one that there was is changed in its place, and one that is not named goes."""
        kept = {rung.was or rung.code for rung in rungs}
        Tier.objects.filter(version=draft).exclude(code__in=kept).delete()
        for rank, rung in enumerate(rungs):
            found = Tier.objects.filter(version=draft, code=rung.was or rung.code).first() or Tier(version=draft)
            found.code, found.name, found.rank = rung.code, rung.code.title(), rank
            found.threshold, found.multiplier = Decimal(rung.threshold), Decimal(rung.times)
            found.entry_gift, found.extra_months = rung.gift, rung.longer
            found.save()

    # People

    def register(self, name: str, *, since: When) -> Customer:
        """Let a customer be known since an instant."""
        found, _ = Customer.objects.get_or_create(
            retailer=self.retailer, external_id=name, defaults={"identified_at": self.at(since)}
        )
        return found

    def member(self, name: str, *, since: When | None = None, now: When | None = None) -> None:
        """Enrol a customer, who is registered if need be."""
        instant = self.at(since) if since is not None else self.since
        customer = self.register(name, since=instant)
        enrol(self.program, [(customer.pk, instant)], source="test", now=self._now(now, instant))

    def enrol_everyone(self, *, now: When) -> int:
        """Enrol all customers since they were first identified, and return how many are new."""
        return enrol_everyone(self.program, source="test", now=self._now(now))

    def membership(self, name: str) -> Membership:
        found = Membership.objects.select_related("program__retailer", "customer", "retailer")
        return found.get(program=self.program, customer__external_id=name)

    def household(self, *names: str, at: When) -> None:
        """Let members spend together."""
        first, *others = (self.membership(name) for name in names)
        share(first, others, now=self._now(at))

    def leaves_household(self, name: str, at: When | None = None) -> None:
        """Let a member spend alone again."""
        leave(self.membership(name), now=self._now(at))

    # What happens

    def bought(
        self,
        number: str,
        who: str | None,
        *lines: str | LineFact,
        at: When,
        paid_with: str = "0",
        redemptions: Sequence[str] = (),
        **given: Any,
    ) -> OrderFact:
        """Return an order of plain amounts or lines; `paid_with` is what of it was paid with points."""
        fact = OrderFact(
            number=number,
            occurred_at=self.at(at),
            lines=tuple(line(each) if isinstance(each, str) else each for each in lines),
            customer=who,
            paid_with_points=Decimal(paid_with),
            redemptions=tuple(redemptions),
            **given,
        )
        self.known.orders[number] = fact
        return fact

    def order(
        self, number: str, who: str | None, *lines: str | LineFact, at: When, now: When | None = None, **given: Any
    ) -> None:
        """
        Report an order.

        :raises DomainError: when it is refused
        """
        _raise_first(self.orders(self.bought(number, who, *lines, at=at, **given), now=now))

    def orders(self, *facts: OrderFact, now: When | None = None) -> list[DomainError | None]:
        """Report orders in one batch, and return why each was refused; None where it was not."""
        instant = self._now(now, *(fact.occurred_at for fact in facts))
        return [answer.outcome.error for answer in take_orders(self.retailer, facts, now=instant)]

    def brought_back(
        self, number: str, order: str, *, at: When, lines: Sequence[tuple[int, str]] | None = None
    ) -> ReturnFact:
        """Return a return of lines (position, quantity); without any, of the whole order."""
        parts = lines
        if parts is None:
            whole = self.known.orders[order].lines
            parts = [(place, str(each.quantity)) for place, each in enumerate(whole, start=1)]
        back = tuple(ReturnLineFact(Decimal(quantity), position) for position, quantity in parts)
        return ReturnFact(number, order, self.at(at), back)

    def give_back(
        self,
        number: str,
        order: str,
        *,
        at: When,
        lines: Sequence[tuple[int, str]] | None = None,
        now: When | None = None,
    ) -> None:
        """
        Report a return of lines (position, quantity), or of the whole order.

        :raises DomainError: when it is refused
        """
        _raise_first(self.returns(self.brought_back(number, order, at=at, lines=lines), now=now))

    def returns(self, *facts: ReturnFact, now: When | None = None) -> list[DomainError | None]:
        """Report returns in one batch, and return why each was refused; None where it was not."""
        instant = self._now(now, *(fact.occurred_at for fact in facts))
        return [answer.outcome.error for answer in take_returns(self.retailer, facts, now=instant)]

    def correct(
        self,
        number: str,
        who: str | None,
        *lines: str | LineFact,
        at: When,
        version: int = 1,
        now: When | None = None,
        **given: Any,
    ) -> str:
        """
        Report what an order should have said; return created, corrected or unchanged.

        :raises DomainError: when it is refused
        """
        fact = CorrectionFact(self.bought(number, who, *lines, at=at, **given), version)
        answer = take_correction(self.retailer, fact, now=self._now(now, fact.occurred_at))
        _raise_first([answer.outcome.error])
        return answer.outcome.status.value

    def claim(self, number: str, who: str, *, at: When | None = None, reference: str = "receipt") -> bool:
        """Give a guest's order to a customer; tell whether it was a guest's until then."""
        answer = take_claim(self.retailer, number, who, reference=reference, now=self._now(at))
        return answer.claimed.is_new

    def merge(self, source: str, target: str, *, at: When | None = None, reference: str = "case") -> MergeAnswer:
        """Merge a customer into another one."""
        return take_merge(self.retailer, source, target, reference=reference, now=self._now(at))

    def deliver(self, order: str, *, at: When, now: When | None = None) -> None:
        """Report that an order was delivered."""
        fact = OrderEventFact(order, "delivered", self.at(at))
        answers = take_order_events(self.retailer, [fact], now=self._now(now, fact.occurred_at))
        _raise_first([answer.outcome.error for answer in answers])

    def interaction(self, number: str, who: str, kind: str, *, at: When, now: When | None = None) -> None:
        """Report something that a customer did and that is no purchase."""
        fact = InteractionFact(number, who, kind, self.at(at))
        answers = take_interactions(self.retailer, [fact], now=self._now(now, fact.occurred_at))
        _raise_first([answer.outcome.error for answer in answers])

    def visit(self, number: str, who: str, *, at: When, now: When | None = None) -> None:
        self.interaction(number, who, "visit", at=at, now=now)

    # What is imported: recorded, and decided later

    def import_orders(self, *facts: OrderFact, now: When | None = None) -> list[DomainError | None]:
        """Record orders without deciding them; return why each was refused."""
        instant = self._now(now, *(fact.occurred_at for fact in facts))
        return [outcome.error for outcome in record_orders(self.retailer, facts, now=instant)]

    def import_returns(self, *facts: ReturnFact, now: When | None = None) -> list[DomainError | None]:
        """Record returns without deciding them; return why each was refused."""
        instant = self._now(now, *(fact.occurred_at for fact in facts))
        return [outcome.error for outcome in record_returns(self.retailer, facts, now=instant)]

    def import_interaction(self, number: str, who: str, kind: str, *, at: When, now: When | None = None) -> None:
        """Record an interaction without deciding it."""
        fact = InteractionFact(number, who, kind, self.at(at))
        record_interactions(self.retailer, [fact], now=self._now(now, fact.occurred_at))

    def import_csv(self, kind: str, text: str, *, now: When) -> Report:
        """Import a file of customers, orders, returns or interactions."""
        return run_import(self.retailer, kind, BytesIO(text.encode()), now=self._now(now))

    def decide_backlog(self, *, now: When | None = None) -> None:
        """Decide what was recorded only, with all that is due between and until now, in all programs of the retailer."""
        with acting_for(self.retailer.pk):
            catch_up(self.retailer, now=self._now(now))

    # Points are spent, moved, given by hand

    def redeem(self, who: str, points: int, reference: str, *, at: When) -> bool:
        """Spend points, and tell whether that is new."""
        booked = redeem(self.membership(who), points, reference=reference, now=self._now(at))
        self.redemptions[who, reference] = booked.entry_id
        return booked.is_new

    def reverse(self, who: str, reference: str, *, at: When) -> None:
        """Undo a redemption, whether it was at once or of a hold."""
        entry_id = self.redemptions.get((who, reference))
        if entry_id is None:
            held = self.holds[who, reference]
            entry_id = Entry.objects.get(wallet__membership=self.membership(who), cause=f"confirm:{held}").pk
        reverse(self.membership(who), entry_id, now=self._now(at))

    def hold(self, who: str, points: int, reference: str, *, at: When, minutes: int = 15) -> None:
        """Set points aside."""
        life = timedelta(minutes=minutes)
        made, _ = hold(self.membership(who), points, reference=reference, now=self._now(at), life=life)
        self.holds[who, reference] = made.pk

    def confirm(self, who: str, reference: str, *, at: When, points: int | None = None) -> None:
        confirm(self.holds[who, reference], now=self._now(at), points=points)

    def release(self, who: str, reference: str, *, at: When, now: When | None = None) -> None:
        release(self.holds[who, reference], now=self.at(at))
        self._now(now, self.at(at))

    def time_out(self, *, at: When) -> None:
        """Give back what holds kept too long."""
        time_out(self.retailer, now=self._now(at))

    def transfer(self, giver: str, taker: str, points: int, reference: str, *, at: When) -> None:
        givers, takers = self.membership(giver), self.membership(taker)
        transfer(givers, takers, points, reference=reference, now=self._now(at))

    def adjust(self, who: str, points: int, reference: str, *, at: When) -> None:
        """Give points by hand, or take them (negative)."""
        adjust(self.membership(who), points, reference=reference, reason="a case", author="staff", now=self._now(at))

    # Time

    def nights(self, until: str) -> None:
        """Carry out what the scheduled nightly work has carried out when a day begins."""
        day = date.fromisoformat(until)
        run_nights(self.program, until=day, now=self._now(None, midnight(day, self.zone)))

    def night_again(self, of: str) -> None:
        """Carry out a night once more, as after an interruption before its end was noted."""
        NightRun.objects.filter(program=self.program, day__gte=date.fromisoformat(of)).delete()
        self.nights(of)

    # What is there to read

    def wallet(self, name: str, code: str = "points") -> Wallet:
        return Wallet.objects.get(membership=self.membership(name), code=code)

    def holdings(self, name: str, *, at: When | None = None, wallet: str = "points") -> Balance:
        """Return what a wallet holds, at the latest instant or a later one."""
        instant = self.known.latest if at is None else self.at(at)
        return balance(self.wallet(name, wallet), at=instant, zone=self.zone)

    def balance(self, name: str, *, at: When | None = None, wallet: str = "points") -> int:
        """Return the points that can be spent."""
        return self.holdings(name, at=at, wallet=wallet).available

    def pending(self, name: str, *, at: When | None = None) -> int:
        return self.holdings(name, at=at).pending

    def owed(self, name: str, *, at: When | None = None) -> int:
        return self.holdings(name, at=at).owed

    def as_of(self, name: str, at: When, clock: Clock) -> int:
        """Return the points that could be spent at an instant, as that clock tells."""
        return was(self.wallet(name), at=self.at(at), clock=clock).available

    def usable_through(self, name: str) -> list[tuple[str, int]]:
        """Return the last days on which points can be spent, and how many."""
        found = forecast(self.wallet(name), at=self.known.latest, zone=self.zone)
        return [(each.last_day.isoformat(), each.points) for each in found]

    def tier(self, name: str, *, at: When | None = None) -> str | None:
        """Return the code of a member's tier; None for no tier."""
        instant = self.known.latest if at is None else self.at(at)
        found = progress(self.membership(name), at=instant).current
        return found.code if found else None

    def protected_until(self, name: str) -> str | None:
        """Return the last day on which a member keeps its tier whatever it does; None where no date is set."""
        found = progress(self.membership(name), at=self.known.latest).keeps_through
        return found.isoformat() if found else None

    def counted(self, name: str) -> int | Decimal:
        """Return what counts for a member's tier now."""
        found = progress(self.membership(name), at=self.known.latest).qualifying
        return int(found) if found == int(found) else found

    def changes(self, name: str) -> list[Change]:
        """Return a member's changes of tier in the order in which they were written."""
        found = TierChange.objects.filter(membership=self.membership(name)).order_by("id")
        return [
            Change(
                each.from_tier.code if each.from_tier else None,
                each.to_tier.code if each.to_tier else None,
                self.said(each.occurred_at),
            )
            for each in found.select_related("from_tier", "to_tier")
        ]

    def ways(self, name: str) -> list[tuple[str | None, str | None]]:
        """Return a member's changes of tier without their instants."""
        return [(each.before, each.after) for each in self.changes(name)]

    def entries(self, name: str, *, wallet: str = "points") -> list[Line]:
        """Return the lines of a member's statement, the oldest first; causes name orders and returns by their numbers."""
        found = Entry.objects.filter(wallet=self.wallet(name, wallet)).order_by("id")
        return [Line(each.kind, each.available_change, self._named(each.cause)) for each in found]

    def kinds(self, name: str) -> list[str]:
        """Return the kinds of the lines of a member's statement, the oldest first."""
        return [each.kind for each in self.entries(name)]

    def why(self, name: str, number: str) -> Why:
        """Return why an order gave a member what it gave."""
        found = why(self.membership(name), Order.objects.get(retailer=self.retailer, number=number))
        assert found is not None, f"order {number} was not decided for {name}"
        return found

    def gave(self, name: str, number: str) -> int:
        """Return what an order gave a member."""
        return self.why(name, number).points

    def keeps(self, name: str, number: str) -> int:
        """Return what an order has kept of what it gave."""
        return self.why(name, number).points_kept

    def is_known(self, number: str) -> bool:
        """Tell whether an order, or a return, of this number was recorded."""
        models: tuple[type[Order | Return], ...] = (Order, Return)
        return any(model.objects.filter(retailer=self.retailer, number=number).exists() for model in models)

    def _named(self, cause: str) -> str:
        for model in (Order, Return):
            for pk, number in model.objects.filter(retailer=self.retailer).values_list("pk", "number"):
                cause = cause.replace(str(pk), number)
        return cause


def field_of(error: DomainError) -> str:
    """Return the field at which a refusal points."""
    return str(error.facts.get("column") or error.facts.get("field") or getattr(error, "column", ""))


def _raise_first(errors: Sequence[DomainError | None]) -> None:
    for error in errors:
        if error is not None:
            raise error
