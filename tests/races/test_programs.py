"""Publication beside what else is done with a draft: one order of locks, so somebody waits and nobody fails."""

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from loyalty.configuration.drafts import NoSuchVersion, NotADraft, discard, edit, open_draft, propose, publish
from loyalty.planning.plan import fingerprint, plan
from loyalty.planning.simulating import ask
from loyalty.points.models import EarningRule
from loyalty.programs.models import ProgramVersion, VersionEvent
from tests import make
from tests.api.test_integration import call
from tests.make import NOON
from tests.races.interleaving import interleaved

pytestmark = pytest.mark.usefixtures("committed_db")


LOCKED = 'FROM "programs_programversion" INNER JOIN'  # the statement that locks a version, with its program's row
LATER = NOON + timedelta(days=2)


def change(draft: ProgramVersion) -> object:
    return EarningRule.objects.filter(version=draft).update(points=7)


WORKS: dict[str, Callable[[ProgramVersion], Any]] = {
    "publish": lambda draft: publish(draft, effective_from=LATER, author="ada", now=NOON),
    "edit": lambda draft: edit(draft, change, author="bob", now=NOON),
    "propose": lambda draft: propose(draft, effective_from=LATER, author="bob", now=NOON),
    "discard": lambda draft: discard(draft, author="bob", now=NOON),
    "copy": lambda draft: open_draft(draft.program, copy_of=draft, author="bob", now=NOON),
    "what-if": lambda draft: ask(draft, since=date(2026, 6, 1), until=date(2026, 6, 2), author="bob", now=NOON),
}
# What the second one is told, where the first has done what it wanted.
REFUSED = {
    ("publish", "publish"): NotADraft,
    ("publish", "edit"): NotADraft,
    ("publish", "propose"): NotADraft,
    ("publish", "discard"): NotADraft,
    ("discard", "publish"): NoSuchVersion,
    ("discard", "edit"): NoSuchVersion,
    ("discard", "propose"): NoSuchVersion,
    ("discard", "discard"): NoSuchVersion,
    ("discard", "copy"): NoSuchVersion,
    ("discard", "what-if"): NoSuchVersion,
}


def test_each_beside_each_waits_and_is_done_or_told_why_not() -> None:
    told, expected = {}, {}

    for first in WORKS:
        for second in WORKS:
            draft = open_draft(make.program())
            works = [partial(WORKS[name], ProgramVersion.objects.get(pk=draft.pk)) for name in (first, second)]
            results = interleaved(*works, after=LOCKED)
            told[first, second] = tuple(type(each) if isinstance(each, Exception) else None for each in results)
            expected[first, second] = (None, REFUSED.get((first, second)))

    assert told == expected


def test_two_versions_of_a_program_are_published_one_after_the_other() -> None:
    club = make.program()
    one, two = open_draft(club), open_draft(club)

    results = interleaved(
        partial(publish, one, effective_from=LATER, now=NOON),
        partial(publish, two, effective_from=LATER + timedelta(days=1), now=NOON),
        after=LOCKED,
    )

    assert [each.status for each in results if isinstance(each, ProgramVersion)] == ["published", "published"]


def test_members_join_while_a_draft_is_edited() -> None:
    club = make.program()
    draft = open_draft(club)

    _, member = interleaved(partial(WORKS["edit"], draft), partial(make.member, club), after=LOCKED)

    assert make.wallet_of(member).available == 0  # type: ignore[arg-type] # an exception would have no wallet


def test_what_is_gone_is_not_found() -> None:
    draft = make.version()
    key, path = make.key(draft.program.retailer), f"programs/{draft.program.slug}/versions/{draft.number}"
    boss = Client()
    boss.force_login(User.objects.create_superuser("boss"))
    stale = ProgramVersion.objects.get(pk=draft.pk)
    discard(draft, author="bob", now=NOON)

    with pytest.raises(NoSuchVersion):
        discard(stale, author="bob", now=NOON)
    by_api = Client().delete(f"/api/v1/{path}", headers={"authorization": f"Api-Key {key}"})
    published = call(Client(), key, f"{path}/publish", {"effective_from": timezone.now().isoformat()})
    by_page = boss.post(reverse("admin:programs_programversion_delete", args=[stale.pk]), {"post": "yes"})

    assert (by_api.status_code, published.status_code, by_page.status_code) == (404, 404, 302)
    assert VersionEvent.objects.filter(action="deleted").count() == 1


@pytest.mark.parametrize("table", ["program", "points_earningrule", "tiers_tier"])
def test_a_plan_is_read_whole_or_not_at_all(table: str) -> None:
    """A draft that is deleted between two of its parts would be a plan of half a program."""
    draft = open_draft(make.program())
    look = partial(plan, draft, effective_from=LATER, now=NOON)
    whole = fingerprint(look())

    found, discarded = interleaved(look, partial(discard, draft, author="bob", now=NOON), after=f'FROM "{table}')

    assert fingerprint(found) == whole  # type: ignore[arg-type] # an exception would have no plan
    assert discarded is None
    with pytest.raises(NoSuchVersion):
        look()


def discarding_first(draft: ProgramVersion, send: Callable[[], object]) -> object:
    """Let a request find a draft that is deleted before the request can lock it."""
    return interleaved(partial(discard, draft, author="bob", now=NOON), send, after=LOCKED)[1]


def test_a_request_that_finds_a_draft_that_is_being_deleted_is_told_that_it_is_gone() -> None:
    club = make.program()
    path, key = f"programs/{club.slug}/versions", make.key(club.retailer)
    User.objects.create_superuser("boss")

    def by_api(draft: ProgramVersion) -> object:
        answer = Client().delete(f"/api/v1/{path}/{draft.number}", headers={"authorization": f"Api-Key {key}"})
        return answer.status_code, answer.json()["code"]

    def by_page(name: str, data: dict[str, Any], draft: ProgramVersion) -> object:
        boss = Client()
        boss.force_login(User.objects.get())
        return boss.post(reverse(f"admin:programs_programversion_{name}", args=[draft.pk]), data).status_code

    planned = open_draft(club)
    seen = fingerprint(plan(planned, effective_from=make.on("2036-01-01"), now=timezone.now()))
    said = {"effective_from_0": "2036-01-01", "effective_from_1": "00:00", "seen": seen, "confirmed": "1"}
    told = [
        discarding_first(draft, partial(send, draft))
        for send, draft in (
            (by_api, open_draft(club)),
            (partial(by_page, "delete", {"post": "yes"}), open_draft(club)),
            (partial(by_page, "copy", {}), open_draft(club)),
            (partial(by_page, "publish_version", said), planned),
        )
    ]  # fmt: skip

    assert told == [(404, "no_such_version"), 302, 404, 404]
    assert club.versions.count() == 1
