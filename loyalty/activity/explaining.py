"""Why an order gave what it gave, and what an entry says, as sentences in the reader's language: reads only."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Protocol

from django.db.models import Case, F, Q, Sum, When
from django.db.models.functions import Coalesce
from django.utils.formats import date_format, number_format
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from customers.core.calendar import day_before, local_date
from customers.core.languages import said_text
from customers.core.values import dataclass
from customers.models import Interaction, Order
from loyalty.activity.explained_words import LACKED, MOVED, Words, readers_words
from loyalty.activity.models import OrderDecision, ReturnDecision
from loyalty.activity.published import names_of_version
from loyalty.activity.remarking import Said, remarks_on
from loyalty.memberships.models import Membership
from loyalty.points.models import EarningRule, Entry, Lot
from loyalty.points.states import State

RuleNames = Mapping[tuple[int, str], str]
# Points of a lot that are cancelled, and not by something that was undone.
CANCELLED = Coalesce(Sum(Case(
    When(movements__to_state=State.CANCELLED, then="movements__amount"),
    When(movements__from_state=State.CANCELLED, then=-F("movements__amount")),
)), 0)  # fmt: skip
REASONS = {
    "no_version_in_force_then": _("The program had no rules in force when the order was placed."),
    "not_a_member_then": _("The customer was not a member when the order was placed."),
    "left_since": _("The customer has left the program since."),
    "no_rule_gave_points": _("No earning rule gives points for it."),
    "no_points_at_present": _("No points are given for it at present."),
    "over_transaction_limit": _(
        "It would give more points than one order may, so it gives none until somebody has looked."
    ),
    "over_period_limit": _("The limit of points in this period is reached."),
    "over_budget": _("The program’s budget of points is used up."),
    "product_not_bought": _("Only products that were bought, and not returned, are rewarded."),
    "rewarded_for_product": _("This product was rewarded before."),
    "over_day_limit": _("So many are rewarded on one day at most."),
    "over_month_limit": _("So many are rewarded in one month at most."),
}


class Explained(Protocol):
    """An entry, or what is read of one."""

    @property
    def explanation(self) -> dict[str, Any]:
        """What its explanation says."""


@dataclass(frozen=True, slots=True)
class Why:
    """
    What an order gave to a member and keeps, and why.

    :param sentences: in the reader's language, in the order in which things happened
    :param remarks: why rules gave nothing, and which lines others did not count; the sentences say it too
    """

    order: str
    occurred_at: datetime
    points: int
    points_kept: int
    reason: str
    version: int | None
    sentences: list[str]
    remarks: list[Said]


def why(membership: Membership, order: Order) -> Why | None:
    """Return why an order gave a member what it gave; None when it was not decided for that member."""
    decisions = list(OrderDecision.objects.filter(membership=membership, order=order).select_related("version"))
    if not decisions:
        return None
    own = Q(wallet__membership=membership) | Q(wallet__membership__merged_into=membership)
    entries = list(Entry.objects.filter(own, order=order).order_by("id"))  # as they were told
    rules = rule_names(membership.program_id, entries)
    first = decisions[0]
    points = sum(each.points for each in decisions)
    sentences = [sentence for entry in entries for sentence in said_by(entry, rules)]
    remarked = remarks_on(order, first)
    sentences += [each.sentence for each in remarked]
    if first.reason and not points:
        sentences.insert(0, str(REASONS[first.reason]))
    returned = ReturnDecision.objects.filter(order_return__order=order, program=membership.program, points=0)
    sentences += [
        str(_("Return %(number)s took no points.")) % {"number": number}
        for number in returned.values_list("order_return__number", flat=True)
    ]
    if points and any(each.is_forfeited for each in decisions):
        sentences.append(str(_("What it gave ended with the membership.")))
    return Why(
        order=order.number,
        occurred_at=order.occurred_at,
        points=points,
        points_kept=sum(each.points_kept for each in decisions),
        reason=first.reason,
        version=first.version.number if first.version else None,
        sentences=[*sentences, *_dates(membership, order)],
        remarks=remarked,
    )


def said_by(entry: Explained, rules: RuleNames, *, words: Words | None = None, to_staff: bool = False) -> list[str]:
    """
    Return an entry's explanation as sentences.

    :param words: of the reader; whoever tells many entries looks for them once
    :param to_staff: with how many lots it concerns, which says nothing to members
    """
    said, words = entry.explanation, words or readers_words()
    lines = [line.strip() for line in (*_given(said, rules, words), *_moved(said, words))]
    if to_staff and "lots" in said:
        lines.append(ngettext("%(lots)s lot", "%(lots)s lots", said["lots"]) % said)
    return lines


def _given(said: dict[str, Any], rules: RuleNames, words: Words) -> list[str]:
    """Say what rules, tiers and days gave."""
    if GIVEN.isdisjoint(said):
        return []
    lines = [_rule(part, said, rules, words) for part in said.get("rules", ())]
    if said.get("cut"):
        lines.append(
            ngettext("%(cut)s point was cut.", "%(cut)s points were cut.", said["cut"]) % said
            + " "
            + str(REASONS.get(said.get("reason", ""), ""))
        )
    if "gift" in said:
        tier = rules.get((said.get("version", 0), f"tier/{said['gift']}"), said["gift"])
        lines.append(str(_("Gift on entering the tier %(tier)s")) % {"tier": tier})
    if "referral" in said and "grant_back" not in said:
        lines.append(str(REFERRAL.get(said["referral"], "")))
    if "challenge" in said:
        challenge = rules.get((said.get("version", 0), f"challenge/{said['challenge']}"), said["challenge"])
        lines.append(str(_("For the challenge “%(challenge)s”")) % {"challenge": challenge})
    if "surprise" in said or "contest" in said:
        name = said_text(said, "name")
        prize = _("A surprise: %(name)s") if "surprise" in said else _("Rank %(rank)s of the contest %(name)s")
        lines.append(str(prize) % {"name": name, "rank": said.get("rank")})
    if "day" in said:
        lines.append(str(EarningRule.Kind(said["day"]).label))
    if "interaction" in said:
        lines.append(str(Interaction.Kind(said["interaction"]).label))
    return lines


def _moved(said: dict[str, Any], words: Words) -> list[str]:
    """Say what was taken, restored, repaid or adjusted."""
    lines: list[str] = []
    if not MOVED.keys().isdisjoint(said):  # of most entries none of these is told
        lines += [words.said[word] % said for word in MOVED if word in said]
        lines += [words.said[word] % said for word in LACKED if "kept_now" in said and said.get(word)]
    if "correction" in said and "rules" not in said:
        is_anew = "points" in said and "kept_now" not in said
        lines.append(words.said["anew" if is_anew else "correction"] % said)
    if "restored" in said:
        lines.append(words.said["restored"] % _came_back(said))
    if "reason" in said and "author" in said:
        lines.append(words.said["reason"] % said)
    return lines


# The words in an explanation that tell of something given.
GIVEN = frozenset(("rules", "cut", "gift", "referral", "challenge", "surprise", "contest", "day", "interaction"))
REFERRAL = {
    "advocate": _("Reward for referring a friend"),
    "friend": _("Welcome reward for who was referred"),
}


def rule_names(program_id: int, entries: Iterable[Explained]) -> RuleNames:
    """Return rules' names by version number and code, tiers' by tier/CODE, and challenges'."""
    language, found = get_language(), dict[tuple[int, str], str]()
    for number in {entry.explanation.get("version") for entry in entries} - {None}:
        found |= names_of_version(program_id, number, language)
    return found


def _rule(part: dict[str, Any], said: dict[str, Any], rules: RuleNames, words: Words) -> str:
    text: str = words.said["rule"] % {
        "rule": rules.get((said.get("version", 0), part["rule"]), part["rule"]),
        "points": part["points"],
        "basis": _number(part["basis"], words.language),
        "multiplier": _number(part["multiplier"], words.language),
    }
    dropped = Decimal(part.get("dropped", 0))
    if dropped:
        text += " " + words.said["dropped"] % {"dropped": number_format(dropped.normalize())}
    if part.get("capped"):
        text += " " + words.said["capped"] % part
    version = said.get("version", 0)
    beaten = [
        f"{rules.get((version, each['rule']), each['rule'])} ({each['points']})" for each in part.get("beaten", ())
    ]
    if beaten:
        text += " " + words.said["beaten"] % {"beaten": ", ".join(beaten)}
    return text


@lru_cache(maxsize=4_096)
def _number(text: Any, _language: str | None) -> str:
    """Return a number as the reader's language writes it: that of a multiplier is nearly always the same."""
    return number_format(Decimal(text))


def _came_back(said: dict[str, Any]) -> dict[str, Any]:
    return {"restored": said["restored"] + said["expired"], "expired": said["expired"]}


def _dates(membership: Membership, order: Order) -> list[str]:
    """Return when the order's points can be spent; a return or a correction may have left nothing of some of them."""
    zone = membership.program.tzinfo
    lots = Lot.objects.filter(order=order, wallet__membership=membership).annotate(cancelled=CANCELLED).order_by("id")
    found = []
    for lot in lots.filter(cancelled__lt=F("amount")):
        if lot.active_at is None:
            found.append(
                str(_("They become active with the event “%(event)s” of the order.")) % {"event": lot.activation_event}
            )
        elif lot.active_at > lot.earned_at:
            day = date_format(local_date(lot.active_at, zone))
            found.append(str(_("They can be spent from %(day)s.")) % {"day": day})
        if lot.expires_at is not None:
            day = date_format(day_before(local_date(lot.expires_at, zone)))
            found.append(str(_("They can be spent through %(day)s.")) % {"day": day})
    return list(dict.fromkeys(found))
