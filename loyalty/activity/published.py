"""Rows of published versions, as pages and the API show them. They never change, so each is read once per process."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from django.db.models import Model

from loyalty.badges.models import Challenge
from loyalty.points.models import EarningRule, PointsPolicy
from loyalty.programs.models import ProgramVersion
from loyalty.tiers.models import Tier


@lru_cache(maxsize=512)
def policies_of(version_id: int) -> Mapping[str, PointsPolicy]:
    """Return a published version's wallets, by code."""
    return MappingProxyType({policy.code: policy for policy in PointsPolicy.objects.filter(version=version_id)})


@lru_cache(maxsize=512)
def tiers_of(version_id: int) -> Mapping[int, Tier]:
    """Return a published version's tiers, by id."""
    return MappingProxyType({tier.pk: tier for tier in Tier.objects.filter(version=version_id)})


@lru_cache(maxsize=512)
def challenges_of(version_id: int) -> Mapping[str, Challenge]:
    """Return a published version's challenges, by code."""
    return MappingProxyType({each.code: each for each in Challenge.objects.filter(version=version_id)})


@lru_cache(maxsize=512)
def named_by_version(program_id: int, number: int) -> Mapping[str, Model]:
    """Return the rows whose names a published version's explanations say: earning rules by code, tier/CODE, challenge/CODE."""
    versions = ProgramVersion.objects.filter(program=program_id, number=number).values("pk")
    found: dict[str, Model] = {rule.code: rule for rule in EarningRule.objects.filter(version__in=versions)}
    found |= {f"tier/{tier.code}": tier for tier in Tier.objects.filter(version__in=versions)}
    found |= {f"challenge/{each.code}": each for each in Challenge.objects.filter(version__in=versions)}
    return MappingProxyType(found)


@lru_cache(maxsize=512)
def names_of_version(program_id: int, number: int, _language: str | None) -> Mapping[tuple[int, str], str]:
    """Return those names in the reader's language, by the version's number and their key."""
    return MappingProxyType({(number, key): str(row) for key, row in named_by_version(program_id, number).items()})


def forget_published() -> None:
    """Forget what this process remembers: tests do, whose databases come and go."""
    for remembered in (policies_of, tiers_of, challenges_of, named_by_version, names_of_version):
        remembered.cache_clear()
