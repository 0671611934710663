"""A program with its members: each verb with the instant at which it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

from tests.properties.model.games import Games
from tests.properties.model.invoices import Invoice
from tests.properties.model.past import (
    Award,
    CorrectionFact,
    Decided,
    DeliveryFact,
    Fact,
    Life,
    MergeFact,
    OrderFact,
    Past,
    ReturnFact,
    Told,
    VisitFact,
    terms_at,
)
from tests.properties.model.plans import Plans
from tests.properties.model.purse import NEVER, Part, Purse, in_spending_order
from tests.properties.model.referrals import Referrals
from tests.properties.model.rewards import Reward, Rewards
from tests.properties.model.terms import MAIN, Calendar, Refused, Terms, Version

HOLD_LIFE = timedelta(minutes=15)
TILL_LIFE = timedelta(minutes=5)
POOL = 2  # codes of each pool


@dataclass(frozen=True)
class Stand:
    """
    Where a member stands.

    :param tier: its code
    :param keeps_until: the first day on which it may be lost; None too for the lowest, which nobody loses
    """

    tier: str
    since: datetime | None
    keeps_until: date | None


class World:
    """All members of one program."""

    def __init__(self, terms: Terms, start: datetime, zone: str, decimals: int = 100) -> None:
        self.calendar, self.unit = Calendar(ZoneInfo(zone)), Fraction(1, decimals)
        self.now = start
        self.past = Past(self.calendar, [Version(start, terms)])
        self.past.plan_of = self._plan_of
        self.plans: dict[str, Plans] = {}
        self.invoices: dict[str, tuple[str, Invoice]] = {}  # by a name: whose they are
        self.games = Games(self.calendar, self.past.versions)
        self.referrals = Referrals(self.past, self._are_together)
        self.rewards = Rewards(self.calendar, self.past.versions, self.unit, POOL)
        self.purses: dict[str, dict[str, Purse]] = {}
        self.lives: dict[str, Life] = {}
        self.told: Told | None = None  # what has just been learned
        self.households: list[set[str]] = []
        self.holds: dict[str, tuple[str, str, list[Part]]] = {}
        self.times_out: dict[str, datetime] = {}
        self.redemptions: dict[str, tuple[str, str, list[Part]]] = {}
        self.ended: set[str] = set()  # redemptions of memberships that have ended: nothing comes back of them

    # -- members

    def enrol(self, name: str, now: datetime) -> None:
        times = sum(span[0] == name for span in self.past.spans)
        self.past.spans.append((name, times + 1, now, None))
        wallets = {wallet for version in self.past.versions for wallet in version.terms.wallets}
        self.purses[name] = {wallet: Purse(self.calendar) for wallet in wallets}
        self.plans.setdefault(name, Plans(self.calendar, self.past.versions, self.unit)).enrolled_at = now
        self.refresh(now)

    def leave(self, name: str, now: datetime) -> None:
        """End a membership: its points are lost; what it gave others for their redemptions cannot come back."""
        self.refresh(now)
        for reference in [each for each, (who, _, _) in self.holds.items() if who == name]:
            self.release(reference, now)
        self.past.spans = [
            (who, times, since, now if self.past.heir(who) == name and left is None else left)
            for who, times, since, left in self.past.spans
        ]
        self.referrals.leave(name, now)
        self.leave_household(name, now)
        self.ended |= {reference for reference, (who, _, _) in self.redemptions.items() if who == name}
        self.ended |= {reference for reference, reward in self.rewards.all.items() if reward.member == name}
        self.rewards.leave(name)
        self.plans[name].leave(now)
        self.purses[name] = {wallet: Purse(self.calendar) for wallet in self.purses[name]}
        del self.lives[name]

    def join_household(self, names: Sequence[str], now: datetime) -> None:
        self.households.append(set(names))

    def leave_household(self, name: str, now: datetime) -> None:
        for household in self.households:
            household.discard(name)

    def merge(self, stays: str, goes: str, now: datetime) -> None:
        """Let orders, points and standing of one customer go to another, as they are; nothing is earned anew."""
        self.refresh(now)
        for reference in [each for each, (who, _, _) in self.holds.items() if who == goes]:
            if self.times_out[reference] > now:
                raise Refused
            self.release(reference, now)
        told = MergeFact(goes, stays, now)
        self.past.merge(told)
        for wallet, purse in self.purses.pop(goes).items():
            self.purses[stays][wallet].take_over(purse)
        self.redemptions = {
            reference: (stays if who == goes else who, wallet, parts)
            for reference, (who, wallet, parts) in self.redemptions.items()
        }
        if not any(stays in household for household in self.households):
            self.households = [household | {stays} if goes in household else household for household in self.households]
        self.leave_household(goes, now)
        self.plans[stays].take_over(self.plans.pop(goes), now)
        self.invoices = {ref: (stays if who == goes else who, each) for ref, (who, each) in self.invoices.items()}
        for reference, reward in self.rewards.all.items():
            if reward.member == goes and reference not in self.ended:
                reward.member = stays
        gone, stayed = self.games.of(self.lives[goes]), self.games.of(self.lives[stays])
        stayed.take_over(gone, self.past.versions)
        self.referrals.merge(stays, goes)
        for each in (each for referral in self.referrals.all for each in referral.rewards):
            if (each.name, each.life) == (stays, self.lives[goes].number):
                each.life = self.lives[stays].number
        del self.lives[goes]
        self.told = told
        self.refresh(now)
        self.told = None

    def publish(self, terms: Terms, start: datetime, now: datetime) -> None:
        self.refresh(now)
        self.past.versions.append(Version(start, terms))
        for purses in self.purses.values():
            for wallet in terms.wallets:
                purses.setdefault(wallet, Purse(self.calendar))
        self.refresh(now)

    # -- facts

    def report(self, now: datetime, *facts: Fact) -> None:
        """Learn what occurred."""
        self.refresh(now)
        for fact in facts:
            if isinstance(fact, ReturnFact):
                self._undo_payment(fact, now)
                if self.past.has_ended(fact.order, now):  # all of it was forfeited, whenever that came back
                    continue
            self.past.facts.append(fact)
            self.told = fact
            self.refresh(now)
            self.told = None

    def place_order(self, order: OrderFact, now: datetime) -> int:
        """Report an order, and return what the main wallet got for it."""
        self.report(now, order)
        return self.gave(order.number)

    def give_back(self, number: str, order: str, quantity: int, at: datetime, now: datetime) -> None:
        self.report(now, ReturnFact(number, order, at, quantity))

    def deliver(self, order: str, at: datetime, now: datetime) -> None:
        self.report(now, DeliveryFact(order, at))

    def visit(self, number: str, name: str, at: datetime, now: datetime) -> None:
        self.report(now, VisitFact(number, name, at))

    def correct(self, fact: OrderFact, now: datetime) -> None:
        """
        Let an order be as if its corrected content had been its only one, on the tier on which it was decided.

        One of a membership that has ended changes nothing: all of it was forfeited.
        """
        self.refresh(now)
        if not any(fact.number in life.decided for life in self.lives.values()):
            return
        self.past.occasions[fact.number] = self.past.known.pop(fact.number).occasion
        self.past.frozen.pop(fact.number, None)
        self.past.facts = [
            replace(fact, member=each.member) if isinstance(each, OrderFact) and each.number == fact.number else each
            for each in self.past.facts
        ]
        self.told = CorrectionFact(fact.number, now)
        self.refresh(now)
        self.told = None

    def _undo_payment(self, fact: ReturnFact, now: datetime) -> None:
        """Give back what paid for an order of which everything has come back, before anything is taken for it."""
        facts = self.past.facts
        order = next(each for each in facts if isinstance(each, OrderFact) and each.number == fact.order)
        back = sum(each.quantity for each in facts if isinstance(each, ReturnFact) and each.order == fact.order)
        if back + fact.quantity == order.quantity:
            for reference in set(order.redemptions) - self.ended:
                reward = self.rewards.all.get(reference)
                if reward is None or not reward.is_over:
                    self._reverse(reference, now)
                if reward is not None and not reward.is_over:
                    self.rewards.come_back(reward, "refunded")

    def place_orders(self, orders: Sequence[OrderFact], now: datetime) -> None:
        """Report orders together: they are decided in the order in which they occurred."""
        self.report(now, *sorted(orders, key=lambda order: (order.at, order.number)))

    # -- points

    def redeem(self, name: str, points: int, reference: str, now: datetime) -> None:
        parts = self._gather(name, MAIN, points, now)
        for part in parts:
            if part.is_own:
                part.lot.held -= part.points
        self.redemptions[reference] = (name, MAIN, parts)

    def hold(self, name: str, points: int, reference: str, now: datetime, life: timedelta = HOLD_LIFE) -> None:
        self.holds[reference] = (name, MAIN, self._gather(name, MAIN, points, now))
        self.times_out[reference] = now + life

    def confirm(self, reference: str, points: int, now: datetime) -> None:
        """Redeem what expires first of a hold; the rest goes back to whom it belongs."""
        self.refresh(now)
        name, wallet, parts = self.holds.pop(reference)
        redeemed: list[Part] = []
        released: list[Part] = []
        for part in sorted(parts, key=_redeeming_order):
            used = min(points, part.points)
            points -= used
            redeemed += [Part(part.lot, used, part.is_own)] if used else []
            released += [Part(part.lot, part.points - used, part.is_own)] if used < part.points else []
        for part in redeemed:
            if part.is_own:
                part.lot.held -= part.points
        self._put_back(released)
        for part in redeemed:
            if part.is_own:
                part.lot.purse.unmet_claims(part.lot)
        if redeemed:
            self.redemptions[f"hold:{reference}"] = (name, wallet, redeemed)
        self.refresh(now)

    def release(self, reference: str, now: datetime) -> None:
        self.refresh(now)
        self._put_back(self.holds.pop(reference)[2])
        self.refresh(now)

    def reverse(self, reference: str, now: datetime) -> None:
        """Put the points of a redemption back into their lots; what is undone already stays so."""
        if reference in self.ended or reference in self.rewards.all:
            raise Refused
        self._reverse(reference, now)

    def _reverse(self, reference: str, now: datetime) -> None:
        self.refresh(now)
        if reference not in self.redemptions:
            return
        for part in self.redemptions.pop(reference)[2]:
            part.lot.purse.come_back(part.lot, part.points)
        self.refresh(now)

    def time_out(self, now: datetime) -> None:
        """End the holds that nobody ended."""
        for reference in [each for each in self.holds if self.times_out[each] <= now]:
            self.release(reference, now)

    def adjust(self, name: str, points: int, reference: str, now: datetime) -> None:
        self.refresh(now)
        purse = self.purses[name][MAIN]
        if points < 0:
            if -points > purse.available:
                raise Refused
            purse.spend(-points)
            return
        purse.asked.append(now)
        terms = terms_at(self.past.versions, now).wallets[MAIN]
        purse.add(Award(("adjust", reference), MAIN, points, now, now, terms, 0, may_wait=False), points)
        self.refresh(now)

    def transfer(self, giver: str, taker: str, points: int, reference: str, now: datetime) -> None:
        self.refresh(now)
        source, target = self.purses[giver][MAIN], self.purses[taker][MAIN]
        if points > source.available:
            raise Refused
        for lot, some in source.spend(points):
            target.add(lot.award, some, (lot.active_at, lot.ends_at))
        self.refresh(now)

    # -- challenges

    def join_challenge(self, name: str, code: str, now: datetime) -> None:
        self.refresh(now)
        self.games.join(self.lives[name], code, now)
        self.refresh(now)

    def won(self, name: str) -> list[tuple[str, date | None, int]]:
        """Return the awards that a member has: challenge, first day of its window, and points."""
        return self.games.shown(self.lives[name])

    # -- referrals

    def claim(self, friend: str, advocate: str, signal: str, at: datetime, now: datetime) -> None:
        self.refresh(now)
        self.referrals.claim(friend, advocate, signal, at)
        self.refresh(now)

    def review(self, friend: str, now: datetime, *, approve: bool) -> None:
        self.refresh(now)
        self.referrals.review(friend, approve=approve, now=now)
        self.refresh(now)

    def give_grants(self, now: datetime) -> None:
        """Do nothing: here nothing waits."""

    def referred(self, name: str) -> tuple[str, str, int]:
        """Return what has become of the referral by which a member came, why, and how often it was earned."""
        found = self.referrals.of(name)
        if found is None or not found.is_live:
            return (found.status if found else "", "", 0)
        return found.status, found.reason, found.round

    def _are_together(self, name: str, other: str) -> bool:
        return any(name in household and other in household for household in self.households)

    # -- plans

    def join_plan(self, name: str, code: str, method: str, now: datetime) -> None:
        self.refresh(now)
        self.plans[name].join(code, now, method)

    def change_plan(self, name: str, code: str, when: str, now: datetime) -> None:
        self.refresh(now)
        self.plans[name].change(code, now, when)

    def cancel_plan(self, name: str, now: datetime) -> None:
        self.refresh(now)
        self.plans[name].cancel(now)

    def resume_plan(self, name: str, now: datetime) -> None:
        self.refresh(now)
        self.plans[name].resume(now)

    def end_plan(self, name: str, now: datetime, *, refunds: bool) -> None:
        self.refresh(now)
        self.plans[name].end_now(now, refunds=refunds)

    def use_method(self, name: str, method: str, now: datetime) -> None:
        self.refresh(now)
        self.plans[name].use_method(method, now)

    def note_invoice(self, name: str, reference: str, now: datetime) -> bool:
        """Give a member's open invoice a name; tell whether it has one."""
        self.refresh(now)
        due = self.plans[name].due
        if due is not None:
            self.invoices[reference] = name, due
        return due is not None

    def tell_paid(self, reference: str, at: datetime, now: datetime) -> None:
        """Let the provider tell that an invoice was paid at an instant."""
        self.refresh(now)
        name, invoice = self.invoices[reference]
        self.plans[name].pay(invoice, at, now)

    def tell_failed(self, reference: str, at: datetime, now: datetime) -> None:
        self.refresh(now)
        name, invoice = self.invoices[reference]
        self.plans[name].fail(invoice, at, now)

    def mark_paid(self, reference: str, now: datetime) -> None:
        self.refresh(now)
        name, invoice = self.invoices[reference]
        self.plans[name].mark_paid(invoice, now)

    def pay_open(self, name: str, now: datetime) -> None:
        """Let a member pay at a till what is open, if anything is."""
        self.refresh(now)
        if (due := self.plans[name].due) is not None:
            self.plans[name].mark_paid(due, now)

    def refund_invoice(self, reference: str, units: int, now: datetime) -> None:
        self.refresh(now)
        name, invoice = self.invoices[reference]
        self.plans[name].refund(invoice, units * self.unit, now)

    def collect(self, now: datetime) -> None:
        """Let the provider be asked for all that is due."""
        self.refresh(now)
        for plans in self.plans.values():
            plans.collect(now)

    def next_plan_night(self) -> datetime | None:
        """Return the next midnight that changes somebody's plan."""
        return min((at for plans in self.plans.values() if (at := plans.next_night()) is not None), default=None)

    def _plan_of(self, name: str, at: datetime) -> tuple[str, Fraction]:
        """Return a member's plan at an instant, and what it multiplies by."""
        plans = self.plans.get(name)
        return (plans.had_at(at), plans.multiplier_at(at)) if plans else ("", Fraction(1))

    # -- rewards

    def redeem_reward(
        self, name: str, code: str, wallet: str, points: int | None, reference: str, now: datetime
    ) -> None:
        self.refresh(now)
        terms = terms_at(self.past.versions, now)
        offered = terms.reward(code)
        if offered is None:
            raise Refused
        step, plan = self.lives[name].standing.step(terms), self.plans[name].had_at(now)
        price = self.rewards.price(offered, name, step, plan, wallet, points, now)
        if price:
            is_own = offered.expiry_gives_back or offered.withdrawal_gives_back
            parts = self._gather(name, wallet, price, now, is_own_alone=is_own)
            for part in parts:
                if part.is_own:
                    part.lot.held -= part.points
            self.redemptions[reference] = (name, wallet, parts)
        self.rewards.give(reference, name, offered, wallet, price, now)

    def cancel_reward(self, reference: str, now: datetime) -> None:
        self._undo_reward(reference, "cancelled", now)

    def refund_reward(self, reference: str, now: datetime) -> None:
        self._undo_reward(reference, "refunded", now)

    def _undo_reward(self, reference: str, status: str, now: datetime) -> None:
        self.refresh(now)
        reward = self.rewards.all[reference]
        if reward.status == status:
            return
        if reference in self.ended:
            raise Refused
        self.rewards.require_undoable(reward, is_unused=status == "cancelled", now=now)
        self._reverse(reference, now)
        self.rewards.come_back(reward, status)

    def send_reward(self, reference: str, status: str, now: datetime) -> None:
        self.refresh(now)
        self.rewards.send(self.rewards.all[reference], status)

    def hold_voucher(self, reference: str, till: str, now: datetime, life: timedelta = TILL_LIFE) -> None:
        self.refresh(now)
        self.rewards.hold(self.rewards.all[reference], till, life, now)

    def confirm_voucher(self, reference: str, till: str, now: datetime) -> None:
        self.refresh(now)
        self.rewards.confirm(self.rewards.all[reference], till)

    def release_voucher(self, reference: str, till: str, now: datetime) -> None:
        self.refresh(now)
        self.rewards.release(self.rewards.all[reference], till)
        self.refresh(now)

    def pay_out(self, code: str, now: datetime) -> None:
        self.refresh(now)
        self.rewards.pay_out(code)

    def _end_reward(self, reward: Reward, at: datetime) -> None:
        status, gives_back = self.rewards.ending(reward, at)
        if not gives_back:
            self.rewards.end(reward, status)
            return
        for part in self.redemptions.pop(reward.reference, ("", "", []))[2]:
            part.lot.purse.come_back(part.lot, part.points)
        self.rewards.come_back(reward, status)

    def _gather(self, name: str, wallet: str, points: int, now: datetime, *, is_own_alone: bool = False) -> list[Part]:
        """Set points aside: the member's own, then those of its household that expire first."""
        self.refresh(now)
        purse = self.purses[name][wallet]
        names = {each for household in self.households if name in household for each in household} - {name}
        names = set() if is_own_alone else names
        others = [self.purses[each][wallet] for each in sorted(names)]
        if points > purse.available + sum(each.available for each in others):
            raise Refused
        own = min(points, purse.available)
        parts = [Part(lot, some, is_own=True) for lot, some in purse.spend(own)]
        for part in parts:
            part.lot.held += part.points
        points -= own
        for lot in in_spending_order(lot for each in others for lot in each.lots):
            some = min(points, lot.available)
            if some:
                lot.available, points = lot.available - some, points - some
                parts.append(Part(lot, some, is_own=False))
        purse.asked.append(now)
        return parts

    def _put_back(self, parts: Sequence[Part]) -> None:
        for part in parts:
            if part.is_own:
                part.lot.purse.claims_end(part.lot, part.points, 0)
            else:
                part.lot.purse.come_back(part.lot, part.points)

    # -- what there is

    def refresh(self, now: datetime) -> None:
        """Live the past again, and let each member have what it entitles to; rewards end at their instants."""
        for plans in self.plans.values():
            plans.advance(now)
        while (ending := self.rewards.next_end(now, self.now)) is not None:
            at, reward = ending
            self._live(at)
            self._end_reward(reward, at)
        self._live(now)

    def _live(self, now: datetime) -> None:
        self.now = now
        for name in self.purses:
            self._advance(name, now)
        lives = self.past.live(now, self.told)
        terms = terms_at(self.past.versions, now)
        there = [life for life in lives if life.left_at is None and not life.is_merged]
        self.referrals.follow(
            {life.name: life.number for life in there}, {life.name: life.enrolled_at for life in there}
        )
        for life in lives:
            if life.left_at is not None or life.is_merged:
                continue
            self.lives[life.name] = life
            won = self.games.follow(life, self.told, now) + self.referrals.awards(life.name, life.number)
            for wallet, purse in self.purses[life.name].items():
                purse.owes = wallet in terms.wallets and terms.wallets[wallet].owes
                purse.earned = life.activities(wallet)
                if wallet == MAIN:
                    purse.earned = purse.earned + self.games.activities(life) + self.referrals.activities(life.name)
                awards = [award for award in (*life.awards(), *won) if award.wallet == wallet]
                for award in sorted(awards, key=purse.place_of):
                    purse.entitle(award)
                    purse.advance(now)

    def _advance(self, name: str, now: datetime) -> None:
        for purse in self.purses[name].values():
            purse.advance(now)

    def balance(self, name: str, wallet: str, now: datetime) -> tuple[int, int, int, int]:
        """Return what is available, pending, held and owed at an instant."""
        if now != self.now:
            self.refresh(now)
        purse = self.purses[name][wallet]
        held = sum(
            part.points for who, of, parts in self.holds.values() if (who, of) == (name, wallet) for part in parts
        )
        pending = sum(lot.pending for lot in purse.lots)
        return purse.available, pending, held, purse.missing if purse.owes else 0

    def night(self, now: datetime) -> None:
        """Do nothing: here every midnight is carried out before anything else is looked at."""

    def advance(self, now: datetime) -> None:
        self.refresh(now)

    def stand(self, name: str) -> Stand:
        standing = self.lives[name].standing
        since = standing.since if standing.tier >= 0 else None
        return Stand(standing.code, since, standing.keeps_until if standing.tier > 0 else None)

    def plan(self, name: str, now: datetime) -> tuple[object, ...]:
        """Return how a member's plan stands."""
        if now != self.now:
            self.refresh(now)
        return self.plans[name].shown()

    def bills(self, name: str) -> list[tuple[object, ...]]:
        """Return a member's invoices, in no order."""
        return self.plans[name].bills()

    def plan_changes(self, name: str) -> list[tuple[datetime, str]]:
        return self.plans[name].changes

    def stocks(self) -> dict[str, int]:
        """Return how many are taken of each reward of which there are so many."""
        return {
            code: taken
            for code, taken in self.rewards.taken.items()
            if any(_is_counted(version.terms, code) for version in self.past.versions)
        }

    def causes(self) -> dict[tuple[str, str], Fraction]:
        """Return what causes got, by cause and kind."""
        return {key: amount for key, amount in self.rewards.causes.items() if amount}

    def reward(self, reference: str, now: datetime) -> str:
        """Return what has become of a reward."""
        if now != self.now:
            self.refresh(now)
        return self.rewards.shown(self.rewards.all[reference], now)

    def changes(self, name: str) -> list[tuple[str, str, datetime]]:
        return self.past.story(self.lives[name])

    def gave(self, number: str, wallet: str = MAIN) -> int:
        return self._decided(number).gave.get(wallet, 0)

    def keeps(self, number: str, wallet: str = MAIN) -> int:
        return self._decided(number).kept.get(wallet, 0)

    def _decided(self, number: str) -> Decided:
        return next(life.decided[number] for life in self.lives.values() if number in life.decided)


def _is_counted(terms: Terms, code: str) -> bool:
    reward = terms.reward(code)
    return reward is not None and (reward.stock is not None or reward.codes == "pool" or reward.match_percent > 0)


def _redeeming_order(part: Part) -> tuple[datetime, datetime, bool, int]:
    """Sort the parts of a hold as they are redeemed: what expires first, then the oldest, then the member's own."""
    return part.lot.ends_at or NEVER, part.lot.earned_at, not part.is_own, part.lot.born
