"""Tiers and members by their names; those of members for who may see customers alone."""

from typing import Any

from django.http import HttpRequest

from customers.models import Customer
from loyalty.memberships.models import Membership
from loyalty.planning.plan import Plan
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier

SHOWN_MEMBERS = 50
SEE_NAMES = "customers.view_customer"


def tier_names(version: ProgramVersion, found: Plan) -> dict[str, str]:
    versions = [version.pk, *([found.basis.pk] if found.basis else [])]
    return {tier.code: str(tier) for tier in Tier.objects.filter(version__in=versions).order_by("version_id")}


def standings_of(request: HttpRequest, members: Any) -> list[dict[str, Any]]:
    """Return the first members of a list, with their names for those who may see them."""
    shown = members[:SHOWN_MEMBERS]
    names = _names(request, [each.membership_id for each in shown])
    return [{"standing": each, "name": names.get(each.membership_id, "")} for each in shown]


def movers_of(request: HttpRequest, result: dict[str, Any]) -> list[dict[str, Any]]:
    first = result["first_movers"][:SHOWN_MEMBERS]
    keys = [key for key, _from, _to in first]
    numbers = dict(Membership.objects.filter(pk__in=keys).values_list("pk", "number"))
    names = _names(request, keys)
    by_text = {str(key): (number, names.get(key, "")) for key, number in numbers.items()}
    tiers = {tier["code"]: tier for tier in result["tiers"]}
    return [
        {
            "number": by_text.get(key, ("–", ""))[0],
            "name": by_text.get(key, ("", ""))[1],
            "from": tiers.get(before, {}),
            "to": tiers.get(after, {}),
        }
        for key, before, after in first
    ]


def _names(request: HttpRequest, memberships: list[Any]) -> dict[Any, str]:
    if not request.user.has_perm(SEE_NAMES):
        return {}
    customers = Customer.objects.filter(memberships__in=memberships)
    return {
        key: f"{first} {last}".strip() or external
        for key, first, last, external in customers.values_list(
            "memberships__pk", "first_name", "last_name", "external_id"
        )
    }
