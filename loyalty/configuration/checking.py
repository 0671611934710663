"""What nobody can want of a version, and what somebody may not have meant: told in words, before it is published."""

from collections.abc import Iterable, Sequence
from itertools import combinations, pairwise
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from customers.core.errors import DomainError, Kind
from customers.core.money import decimals_of, to_unit
from loyalty.configuration.arm_checks import check_arms
from loyalty.configuration.badge_checks import check_badges
from loyalty.configuration.findings import Finding
from loyalty.configuration.referral_checks import check_referrals
from loyalty.configuration.reward_checks import check_rewards
from loyalty.plans.models import PaidPlan
from loyalty.points.conditions import NEVER, AllOf, In, InvalidCondition, Node, leaves, never_holds, parse, parse_stored
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.points.models.policy import words_for
from loyalty.points.state import MAIN
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier, TierPolicy

COUNTED_POINTS = {TierPolicy.Basis.POINTS, TierPolicy.Basis.BALANCE}


class Refused(DomainError):
    code = "version_has_errors"
    kind = Kind.INVALID
    message = "{first}"

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__(first=" ".join(finding.message for finding in findings))
        self.findings = findings


def refuse(findings: Iterable[Finding]) -> None:
    """Refuse a version that has errors, with all of them."""
    errors = [finding for finding in findings if finding.is_error]
    if errors:
        raise Refused(errors)


def check(version: ProgramVersion) -> list[Finding]:
    """Return what is wrong with a version, and what looks as if it were; in the order of its parts."""
    rules = list(EarningRule.objects.filter(version=version).order_by("code"))
    tiers = list(Tier.objects.filter(version=version).order_by("rank"))
    policy = TierPolicy.objects.filter(version=version).first() or TierPolicy(version=version)
    return [
        *_wallets(version, rules, policy),
        *_groups(version, rules),
        *_rules(rules),
        *_asked(version, rules, {tier.code for tier in tiers}),
        *_overlaps(version, rules),
        *_scheme(tiers, policy),
        *_plans(version),
        *check_rewards(version, {tier.code for tier in tiers}),
        *check_referrals(version),
        *check_badges(version, {tier.code for tier in tiers}),
        *check_arms(version),
    ]


def _wallets(version: ProgramVersion, rules: Sequence[EarningRule], policy: TierPolicy) -> Iterable[Finding]:
    wallets = set(PointsPolicy.objects.filter(version=version).values_list("code", flat=True))
    if MAIN not in wallets:
        words = _("The version has no wallet “%(wallet)s”. Every program has it: add its points policy.")
        yield Finding.error("no_main_wallet", "wallets", words % {"wallet": MAIN})
    named = [(f"earning_rules/{rule.code}", str(rule), rule.wallet) for rule in rules]
    if policy.basis in COUNTED_POINTS:
        named.append(("tier_policy", str(policy), policy.wallet))
    for place, what, wallet in named:
        if wallet not in wallets:
            words = _(
                "“%(what)s” names the wallet “%(wallet)s”, which the version does not have. Add its points policy."
            )
            yield Finding.error("unknown_wallet", place, words % {"what": what, "wallet": wallet})


def _groups(version: ProgramVersion, rules: Sequence[EarningRule]) -> Iterable[Finding]:
    groups = set(EarningGroup.objects.filter(version=version).values_list("code", flat=True))
    for rule in rules:
        if rule.group and rule.group not in groups:
            words = _(
                "“%(what)s” names the group “%(group)s”, which the version does not have. Add the group, or leave it out."
            )
            yield Finding.error(
                "unknown_group", f"earning_rules/{rule.code}", words % {"what": rule, "group": rule.group}
            )
    for group in sorted(groups - {rule.group for rule in rules}):
        words = _("No rule is in the group “%(group)s”.")
        yield Finding.warning("empty_group", f"earning_groups/{group}", words % {"group": group})


def _rules(rules: Sequence[EarningRule]) -> Iterable[Finding]:
    if not rules:
        yield Finding.error("nothing_to_earn", "earning_rules", _("The version has no earning rule. Add at least one."))
    for rule in rules:
        try:
            field = never_holds(parse(rule.condition))
        except InvalidCondition as error:
            words = _("The condition of “%(rule)s” cannot be read. %(what)s")
            facts = {"rule": rule, "what": words_for(error)}
            yield Finding.error("unreadable_condition", f"earning_rules/{rule.code}", words % facts)
            continue
        if field:
            words = _(
                "“%(rule)s” can never give points: what it asks of “%(field)s” contradicts itself. "
                "Take one of the conditions out, or let any of them do."
            )
            yield Finding.error("contradiction", f"earning_rules/{rule.code}", words % {"rule": rule, "field": field})


UNKNOWN = {
    "tier": gettext_lazy(
        "“%(rule)s” asks for the tier “%(named)s”, which the version does not have: nobody stands on it."
    ),
    "plan": gettext_lazy(
        "“%(rule)s” asks for the plan “%(named)s”, which the version does not offer. It offers: %(known)s."
    ),
}


def _asked(version: ProgramVersion, rules: Sequence[EarningRule], tiers: set[str]) -> Iterable[Finding]:
    """Find rules that ask for a tier or a plan that there is not: it may have been renamed, or taken out."""
    known = {"tier": tiers, "plan": set(PaidPlan.objects.filter(version=version).values_list("code", flat=True))}
    for rule in rules:
        asked = [leaf for leaf in leaves(parse_stored(rule.condition)) if isinstance(leaf, In) and leaf.field in known]
        for field, named in sorted({(leaf.field, code) for leaf in asked for code in leaf.values if code}):
            if named not in known[field]:
                facts = {"rule": rule, "named": named, "known": ", ".join(sorted(known[field])) or "-"}
                yield Finding.warning(f"unknown_{field}", f"earning_rules/{rule.code}", str(UNKNOWN[field]) % facts)


def _overlaps(version: ProgramVersion, rules: Sequence[EarningRule]) -> Iterable[Finding]:
    """Find rules that give for the same thing twice, where neither is in a group that gives the best."""
    groups = EarningGroup.objects.filter(version=version, combination=EarningGroup.Combination.BEST_OF)
    best_of = set(groups.values_list("code", flat=True))
    conditional = [rule for rule in rules if rule.condition]
    for first, second in combinations(conditional, 2):
        alike = (first.kind, first.wallet, first.interaction) == (second.kind, second.wallet, second.interaction)
        together = first.group and first.group == second.group and first.group in best_of
        if alike and not together and _can_both_hold(first, second):
            words = _(
                "“%(first)s” and “%(second)s” can both give points for the same purchase, and then add up. "
                "If only the better one should count, put both into a group that gives the best."
            )
            yield Finding.warning("overlap", f"earning_rules/{second.code}", words % {"first": first, "second": second})


def _can_both_hold(first: EarningRule, second: EarningRule) -> bool:
    parts: list[Node] = [parse_stored(rule.condition) for rule in (first, second)]
    return NEVER not in parts and never_holds(AllOf(tuple(parts))) is None


def _scheme(tiers: Sequence[Tier], policy: TierPolicy) -> Iterable[Finding]:
    for lower, higher in pairwise(tiers):
        if _implied(lower, higher, policy):
            words = _(
                "Nobody can stand on “%(lower)s” (from %(low)s): “%(higher)s” above it is reached with it, or before (from "
                "%(high)s). Raise “%(higher)s” above %(low)s, lower “%(lower)s”, or swap them."
            )
            facts = {
                "lower": lower,
                "higher": higher,
                "low": _number(lower.threshold),
                "high": _number(higher.threshold),
            }
            yield Finding.error("unreachable_tier", f"tiers/{lower.code}", words % facts)
        if higher.multiplier < lower.multiplier:
            words = _(
                "Tier “%(higher)s” has a smaller multiplier (%(smaller)s) than “%(lower)s” below it (%(larger)s). "
                "Raise it, or swap their places."
            )
            facts = {
                "lower": lower,
                "higher": higher,
                "smaller": _number(higher.multiplier),
                "larger": _number(lower.multiplier),
            }
            yield Finding.error("multiplier_falls", f"tiers/{higher.code}", words % facts)


def _implied(lower: Tier, higher: Tier, policy: TierPolicy) -> bool:
    """Tell whether whoever reaches a tier reaches the one above it too."""
    below = [(policy.basis, lower.threshold), *lower.further]
    above = [(policy.basis, higher.threshold), *higher.further]
    if policy.combination == TierPolicy.Combination.ANY:
        return all(any(name == basis and least <= asked for name, least in above) for basis, asked in below)
    return all(any(name == basis and asked >= least for name, asked in below) for basis, least in above)


def _plans(version: ProgramVersion) -> Iterable[Finding]:
    currency = version.program.retailer.currency
    plans = list(PaidPlan.objects.filter(version=version).order_by("rank"))
    for plan in plans:
        for name, amount in (("price", plan.price), ("perks_cost", plan.perks_cost)):
            if amount != to_unit(amount, currency):
                words = _(
                    "“%(amount)s” of plan “%(plan)s” has more decimals than amounts of %(currency)s have (%(decimals)s)."
                )
                facts = {
                    "amount": _number(amount),
                    "plan": plan,
                    "currency": currency,
                    "decimals": decimals_of(currency),
                }
                yield Finding.error("too_many_decimals", f"plans/{plan.code}/{name}", words % facts)
    for lower, higher in pairwise(plans):
        if higher.months == lower.months and higher.price < lower.price:
            words = _(
                "Plan “%(higher)s” costs less than “%(lower)s” below it. A change to it would count as an upgrade: "
                "swap their places, or raise its price."
            )
            yield Finding.warning("price_falls", f"plans/{higher.code}", words % {"higher": higher, "lower": lower})
        if higher.multiplier < lower.multiplier:
            words = _("Plan “%(higher)s” has a smaller multiplier than “%(lower)s” below it.")
            yield Finding.warning(
                "plan_multiplier_falls", f"plans/{higher.code}", words % {"higher": higher, "lower": lower}
            )


def _number(value: Any) -> str:
    return number_format(value.normalize() if value else 0)
