"""Typed builders: each sets only what a test is about, the rest is plain."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from customers.facts import LineFact, OrderFact, ReturnFact, ReturnLineFact, line_of
from customers.models import Customer, Order, Retailer
from loyalty.activity.account.adjusting import adjust
from loyalty.activity.account.enrolment import enrol
from loyalty.activity.intake import Answer, take_orders, take_returns
from loyalty.api.models import MemberToken, RetailerKey, Scope
from loyalty.configuration.drafts import create_program, publish
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningRule, PointsPolicy, Wallet
from loyalty.points.statement import balance
from loyalty.programs.models import Program, ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy

START = datetime(2026, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 6, 15, 12, 0, tzinfo=UTC)
_numbers = count(1)


def number(prefix: str) -> str:
    return f"{prefix}{next(_numbers)}"


def retailer(**given: Any) -> Retailer:
    slug = number("shop")
    return Retailer.objects.create(**({"slug": slug, "name": slug, "zone": "UTC", "currency": "EUR"} | given))


@dataclass(frozen=True)
class Rule:
    """An earning rule to be."""

    points: str = "1"
    code: str = "base"
    kind: str = "per_amount"
    categories: Sequence[str] = ()
    brands: Sequence[str] = ()
    minimum_amount: str = "0"
    uses_multiplier: bool = True
    wallet: str = "points"
    interaction: str = ""
    condition: Any = None
    cap: int | None = None
    group: str = ""
    counts_free_lines: bool = True
    counts_gift_cards: bool = False


def version(
    owner: Retailer | None = None,
    *,
    rules: Sequence[Rule] = (Rule(),),
    tiers: Sequence[tuple[str, str, str]] = (),
    points: dict[str, Any] | None = None,
    scheme: dict[str, Any] | None = None,
    zone: str = "",
) -> ProgramVersion:
    """Return a draft; tiers are (code, threshold, multiplier)."""
    draft = create_program(owner or retailer(), slug=number("club"), name="Club", zone=zone)
    fill(draft, rules=rules, tiers=tiers, points=points, scheme=scheme)
    return draft


def fill(
    draft: ProgramVersion,
    *,
    rules: Sequence[Rule] = (),
    tiers: Sequence[tuple[str, str, str]] = (),
    points: dict[str, Any] | None = None,
    scheme: dict[str, Any] | None = None,
) -> None:
    add_rules(draft, rules)
    Tier.objects.bulk_create(
        Tier(
            version=draft,
            code=code,
            name=code.title(),
            rank=rank,
            threshold=Decimal(threshold),
            multiplier=Decimal(multiplier),
        )
        for rank, (code, threshold, multiplier) in enumerate(tiers)
    )
    PointsPolicy.objects.filter(version=draft, code="points").update(**(points or {"pending_days": 0}))
    TierPolicy.objects.filter(version=draft).update(**(scheme or {"window": "rolling"}))


def add_rules(draft: ProgramVersion, rules: Sequence[Rule]) -> None:
    EarningRule.objects.bulk_create(
        EarningRule(
            version=draft,
            code=rule.code,
            name=rule.code.title(),
            kind=rule.kind,
            points=Decimal(rule.points),
            condition=rule.condition or _lines_of(category=rule.categories, brand=rule.brands),
            cap=rule.cap,
            group=rule.group,
            minimum_amount=Decimal(rule.minimum_amount),
            uses_multiplier=rule.uses_multiplier,
            wallet=rule.wallet,
            interaction=rule.interaction,
            counts_free_lines=rule.counts_free_lines,
            counts_gift_cards=rule.counts_gift_cards,
        )
        for rule in rules
    )


def _lines_of(**values: Sequence[str]) -> dict[str, Any]:
    parts = [{"field": name, "in": list(some)} for name, some in values.items() if some]
    return {"all": parts} if parts else {}


def program(owner: Retailer | None = None, *, since: datetime = START, **given: Any) -> Program:
    """Return a program with its first version in force."""
    return published(version(owner, **given), since=since)


def published(draft: ProgramVersion, *, since: datetime = START) -> Program:
    """Let a draft be in force from an instant."""
    return publish(draft, effective_from=since, now=START).program


def member(club: Program, name: str = "", *, since: datetime = START, born: date | None = None) -> Membership:
    defaults = {"identified_at": since, "birth_date": born}
    customer, _ = Customer.objects.get_or_create(
        retailer=club.retailer, external_id=name or number("customer"), defaults=defaults
    )
    (enrolled,) = enrol(club, [(customer.pk, since)], source="test", now=since)
    return Membership.objects.get(pk=enrolled.membership_id)


def customer(owner: Retailer, name: str, *, since: datetime = START) -> Customer:
    """Return a customer who is known since an instant."""
    return Customer.objects.create(retailer=owner, external_id=name, identified_at=since)


def line(
    amount: str, *, quantity: str = "1", category: str = "", brand: str = "", sku: str = "", is_gift_card: bool = False
) -> LineFact:
    return line_of(
        sku=sku or number("sku"),
        quantity=Decimal(quantity),
        net_amount=Decimal(amount),
        category=category,
        brand=brand,
        is_gift_card=is_gift_card,
    )


def order(
    who: Membership | str | None, *lines: LineFact | str, at: datetime = NOON, name: str = "", **given: Any
) -> OrderFact:
    """Return an order of lines, or of plain amounts."""
    customer = who.customer.external_id if isinstance(who, Membership) else who
    made = tuple(line(each) if isinstance(each, str) else each for each in lines)
    return OrderFact(number=name or number("order"), occurred_at=at, lines=made, customer=customer, **given)


def buys(
    who: Membership, *lines: LineFact | str, at: datetime = NOON, name: str = "", recorded: datetime | None = None
) -> Answer[OrderFact]:
    """Let a member buy, and return what became of it."""
    fact = order(who, *lines, at=at, name=name)
    return take_orders(who.program.retailer, [fact], now=recorded or _now(who, at))[0]


def returns(
    who: Membership, bought: Answer[OrderFact], *parts: tuple[int, str], at: datetime | None = None
) -> Answer[ReturnFact]:
    """Let a member bring lines (position, quantity) back."""
    instant = at or bought.outcome.fact.occurred_at + timedelta(days=1)
    lines = tuple(ReturnLineFact(Decimal(quantity), position) for position, quantity in parts)
    fact = ReturnFact(number("return"), bought.outcome.fact.number, instant, lines)
    answer = take_returns(who.program.retailer, [fact], now=_now(who, instant))[0]
    if answer.outcome.error:
        raise answer.outcome.error
    return answer


def _now(who: Membership, at: datetime) -> datetime:
    """Return when something is reported: as it occurs, or, late, as the latest that was reported."""
    return max(at, *Order.objects.filter(customer=who.customer).values_list("recorded_at", flat=True), at)


def wallet_of(who: Membership) -> Wallet:
    return Wallet.objects.get(membership=who, code="points")


def key(owner: Retailer, *scopes: str) -> str:
    """Return an API key with some scopes, or with all."""
    _, text = RetailerKey.objects.create_key(name="test", retailer=owner, scopes=list(scopes) or list(Scope.values))
    return str(text)


def token(customer: Customer, *, now: datetime | None = None) -> str:
    return MemberToken.issue(customer, now=now or datetime.now(UTC))[0]


def on(text: str) -> datetime:
    """Return an instant of UTC from its ISO text."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spendable(who: Membership, at: datetime, wallet: str = "points") -> int:
    return balance(Wallet.objects.get(membership=who, code=wallet), at=at, zone=who.program.tzinfo).available


def given(who: Membership, points: int, at: datetime) -> None:
    """Give a member points by hand."""
    adjust(who, points, reference=number("gift"), reason="a start", author="test", now=at)


def codes(*texts: str) -> list[tuple[int, str, str]]:
    """Return the lines of a file of codes."""
    return [(line, text, "") for line, text in enumerate(texts, start=1)]
