"""
Versions from draft to publication: the only writer of versions, and of the rows that belong to them.

Locks have one order: the program, then the version. Whatever writes a version notes it in the program's audit, which needs
the program to stay; who held the version alone would wait for a publication that waits for the version.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, connection, models, transaction
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.badges.identity import keep_badge_identities
from loyalty.configuration.checking import check, refuse
from loyalty.configuration.document import Change, Document, differences, to_document
from loyalty.configuration.parts import PARTS
from loyalty.plans.identity import keep_plan_identities
from loyalty.points.models import PointsPolicy
from loyalty.programs.models import Program, ProgramVersion, VersionEvent
from loyalty.rewards.identity import keep_identities as keep_rewards
from loyalty.tiers.identity import keep_identities
from loyalty.tiers.models import TierPolicy

HOLD = "SELECT id FROM programs_programversion WHERE id = %s FOR KEY SHARE"


class NotADraft(DomainError):
    code = "not_a_draft"
    kind = Kind.CONFLICT
    message = _("Version {number} is published and cannot be changed. Open a new draft from it.")


class InThePast(DomainError):
    code = "in_the_past"
    kind = Kind.INVALID
    message = _(
        "A version of a program that runs cannot come into force in the past ({instant}): what was decided stays decided."
    )


class NotAfterLatest(DomainError):
    code = "not_after_latest"
    kind = Kind.CONFLICT
    message = _("Version {number} is in force from {instant} already. Choose a later instant, or withdraw it.")


class InForce(DomainError):
    code = "in_force"
    kind = Kind.CONFLICT
    message = _("Version {number} is in force since {instant} and cannot be withdrawn. Publish another one after it.")


class NotPublished(DomainError):
    code = "not_published"
    kind = Kind.CONFLICT
    message = _("Version {number} is not published. Delete the draft instead.")


class SecondPersonNeeded(DomainError):
    code = "second_person_needed"
    message = _("Two people publish this program’s versions. Propose version {number}; somebody else publishes it.")


class SamePerson(DomainError):
    code = "same_person"
    message = _("{author} proposed version {number}. Somebody else has to publish it.")


class NobodyStandsForIt(DomainError):
    code = "nobody_stands_for_it"
    message = _(
        "Two people publish this program’s versions, and nobody is known to stand for {author}. Do it in the admin, or by a key "
        "that somebody made there."
    )


class ProgramExists(DomainError):
    code = "program_exists"
    message = _("There is a program “{slug}” already.")


class OtherInstant(DomainError):
    code = "other_instant"
    kind = Kind.CONFLICT
    message = _("Version {number} was proposed for {instant}. Publish it for that instant, or propose it anew.")


class NoSuchVersion(DomainError):
    code = "no_such_version"
    kind = Kind.NOT_FOUND
    message = _("There is no version {number} any more. Somebody deleted the draft.")


class ChangedMeanwhile(DomainError):
    code = "changed_meanwhile"
    kind = Kind.STALE
    message = _("Draft {number} was changed since you read it. Read it again, and make your changes there.")


@transaction.atomic
def create_program(retailer: Retailer, *, slug: str, name: str, zone: str = "") -> ProgramVersion:
    """
    Create a program in the retailer's zone, and return its first draft, which is empty.

    :raises ProgramExists: when the retailer has one of that name, also when somebody else makes it just now
    """
    try:
        with transaction.atomic():
            program = Program.objects.create(retailer=retailer, slug=slug, name=name, zone=zone or retailer.zone)
    except IntegrityError as error:
        raise ProgramExists(slug=slug) from error
    return open_draft(program)


@transaction.atomic
def open_draft(
    program: Program,
    *,
    copy_of: ProgramVersion | None = None,
    note: str = "",
    author: str = "",
    now: datetime | None = None,
) -> ProgramVersion:
    """
    Open a draft; a program may have several.

    :param copy_of: the version whose rows it starts with; the program's latest one if None, an empty one if there is none
    :raises NoSuchVersion: when that one is a draft that was deleted meanwhile
    """
    lock_program(program.pk)
    latest = program.versions.order_by("-number").first()
    source = locked(copy_of) if copy_of else basis_of(program)
    draft = ProgramVersion.objects.create(program=program, number=latest.number + 1 if latest else 1, note=note)
    for part in PARTS:
        _copy(part, source, draft)
    _note(draft, VersionEvent.Action.CREATED, author, now, [{"copy_of": source.number}] if source else [])
    return draft


def basis_of(program: Program) -> ProgramVersion | None:
    """Return the version that a new draft goes on from: the last that is or will be in force, or else the last draft."""
    published = program.versions.filter(status=ProgramVersion.Status.PUBLISHED)
    return published.order_by("-effective_from").first() or program.versions.order_by("-number").first()


@transaction.atomic
def edit(
    version: ProgramVersion,
    change: Callable[[ProgramVersion], Any],
    *,
    author: str,
    now: datetime,
    revision: str | None = None,
) -> list[Change]:
    """
    Change a draft and note who changed what; a proposal to publish it ends with that.

    :param change: makes the changes on the locked draft
    :param revision: the state from which they are made; refused when it is no longer the present one
    :raises ChangedMeanwhile: then
    :raises NotADraft: when it is published
    :raises NoSuchVersion: when it was deleted meanwhile
    """
    version = locked(version)
    require_draft(version)
    if revision is not None and str(version.revision) != revision:
        raise ChangedMeanwhile(number=version.number)
    before = to_document(version)
    change(version)
    return edited(version, before, author=author, now=now)


def edited(version: ProgramVersion, before: Document, *, author: str, now: datetime) -> list[Change]:
    """Note how a draft differs from what it was; its revision changes if it does."""
    changes = differences(before, to_document(version))
    if changes:
        version.revision = new_id()
        version.proposed_by, version.proposed_for = "", None
        version.save(update_fields=["revision", "proposed_by", "proposed_for"])
        _note(version, VersionEvent.Action.EDITED, author, now, [change.said() for change in changes])
    return changes


@transaction.atomic
def discard(version: ProgramVersion, *, author: str, now: datetime) -> None:
    """
    Delete a draft.

    :raises NotADraft: when it is published
    :raises NoSuchVersion: when it is deleted already
    """
    version = locked(version)
    require_draft(version)
    _note(version, VersionEvent.Action.DELETED, author, now, [])
    version.delete()


@transaction.atomic
def propose(
    version: ProgramVersion, *, effective_from: datetime, author: str, person: str | None = None, now: datetime
) -> ProgramVersion:
    """
    Ask somebody else to publish a draft from an instant on.

    :param person: as for `publish`
    :raises DomainError: as `publish` would
    """
    version = locked(version)
    require_publishable(version, effective_from, now)
    version.proposed_by = _person(version.program, author, person)
    version.proposed_for = effective_from
    version.save(update_fields=["proposed_by", "proposed_for"])
    _note(version, VersionEvent.Action.PROPOSED, author, now, [{"effective_from": effective_from.isoformat()}])
    return version


@transaction.atomic
def publish(  # noqa: PLR0913 - who does it, and who stands for it
    version: ProgramVersion,
    *,
    effective_from: datetime,
    by: AbstractBaseUser | None = None,
    author: str = "",
    person: str | None = None,
    now: datetime,
) -> ProgramVersion:
    """
    Freeze a draft; it is in force from an instant on.

    :param person: who stands for the author, where two must agree: who made the key that it is. The author itself, if None

    :param effective_from: not in the past, but for a program's first version, which may cover a past to be imported
    :raises NotADraft: when it is published already
    :raises NoSuchVersion: when it was deleted meanwhile
    :raises InThePast: when it would decide anew what was decided
    :raises NotAfterLatest: when a later version is published already
    :raises Refused: when the check finds an error
    :raises SecondPersonNeeded: when two people publish this program's versions and nobody has proposed it
    :raises SamePerson: when the same one would do both
    :raises NobodyStandsForIt: when two people publish them and the author stands for no person
    """
    version = locked(version)
    program = version.program
    author = author or (by.get_username() if by else "")
    require_publishable(version, effective_from, now)
    if program.two_to_publish:
        _require_two(version, effective_from, _person(program, author, person))
    version.status = ProgramVersion.Status.PUBLISHED
    keep_identities(version)
    keep_plan_identities(version)
    keep_rewards(version)
    keep_badge_identities(version)
    version.effective_from, version.published_at = effective_from, now
    version.published_by = by  # type: ignore[assignment] # the project's user model is Django's own
    version.save(update_fields=["status", "effective_from", "published_at", "published_by"])
    _note(version, VersionEvent.Action.PUBLISHED, author, now, [{"effective_from": effective_from.isoformat()}])
    _new_revision(program)
    return version


@transaction.atomic
def end_two_people(program: Program, *, author: str) -> bool:
    """
    Let one person be enough to publish, when a second one asks for it; the first one's wish is kept.

    :returns: whether one is enough now
    """
    lock_program(program.pk)
    row = Program.objects.filter(pk=program.pk)
    asked_by = row.values_list("two_ends_asked_by", flat=True).get()
    is_enough = asked_by not in {"", author}
    row.update(two_to_publish=not is_enough, two_ends_asked_by="" if is_enough else author)
    return is_enough


@transaction.atomic
def withdraw(version: ProgramVersion, *, author: str, now: datetime) -> ProgramVersion:
    """
    Take a published version back before it is in force.

    :raises NotPublished: when it is a draft, or withdrawn already
    :raises InForce: when it is too late
    """
    version = locked(version)
    if version.status != ProgramVersion.Status.PUBLISHED or version.effective_from is None:
        raise NotPublished(number=version.number)
    if version.effective_from <= now:
        raise InForce(number=version.number, instant=version.effective_from.isoformat())
    version.status = ProgramVersion.Status.WITHDRAWN
    version.save(update_fields=["status"])
    _note(version, VersionEvent.Action.WITHDRAWN, author, now, [])
    _new_revision(version.program)
    return version


def require_draft(version: ProgramVersion) -> None:
    """Refuse to change what is published."""
    if not version.is_draft:
        raise NotADraft(number=version.number)


def lock_program(program_id: int) -> None:
    """Lock a program until the transaction ends, before any of its versions; members go on, for they only refer to it."""
    Program.objects.select_for_update(no_key=True).only("pk").get(pk=program_id)


def locked(version: ProgramVersion) -> ProgramVersion:
    """
    Return a version as it is now, locked with its program until the transaction ends.

    :raises NoSuchVersion: when it was deleted
    """
    lock_program(version.program_id)
    versions = ProgramVersion.objects.select_for_update(of=("self",), no_key=True).select_related("program")
    found = versions.filter(pk=version.pk).first()
    if found is None:
        raise NoSuchVersion(number=version.number)
    return found


def hold(version: ProgramVersion) -> None:
    """
    Keep a version from being deleted until the transaction ends, so that none of its parts is missing; others may edit it.

    :raises NoSuchVersion: when it was deleted
    """
    with connection.cursor() as cursor:
        cursor.execute(HOLD, [version.pk])
        if cursor.fetchone() is None:
            raise NoSuchVersion(number=version.number)


def require_publishable(version: ProgramVersion, effective_from: datetime, now: datetime) -> None:
    """Refuse what cannot be published from an instant on, as `publish` does."""
    require_draft(version)
    _require_later(version, effective_from, now)
    refuse(check(version))


def _require_two(version: ProgramVersion, effective_from: datetime, author: str) -> None:
    if not version.proposed_by or version.proposed_for is None:
        raise SecondPersonNeeded(number=version.number)
    if version.proposed_by == author:
        raise SamePerson(number=version.number, author=author)
    if version.proposed_for != effective_from:
        raise OtherInstant(number=version.number, instant=version.proposed_for.isoformat())


def _person(program: Program, author: str, person: str | None) -> str:
    """Return the person who stands for what is done, where two must agree; a key is none."""
    if person is None:
        return author
    if program.two_to_publish and not person:
        raise NobodyStandsForIt(author=author)
    return person or author


def _require_later(version: ProgramVersion, effective_from: datetime, now: datetime) -> None:
    published = ProgramVersion.objects.filter(program=version.program_id, status=ProgramVersion.Status.PUBLISHED)
    latest = published.order_by("-effective_from").first()
    if latest is None or latest.effective_from is None:
        return
    if effective_from < now:
        raise InThePast(instant=effective_from.isoformat())
    if effective_from <= latest.effective_from:
        raise NotAfterLatest(number=latest.number, instant=latest.effective_from.isoformat())


def _new_revision(program: Program) -> None:
    program.versions_revision = new_id()
    program.save(update_fields=["versions_revision"])


def _note(
    version: ProgramVersion, action: VersionEvent.Action, author: str, now: datetime | None, changes: Sequence[Any]
) -> None:
    VersionEvent.objects.create(
        program=version.program,
        number=version.number,
        action=action,
        author=author,
        changes=list(changes),
        occurred_at=now or version.created_at,
    )


def _copy(part: type[models.Model], source: ProgramVersion | None, draft: ProgramVersion) -> None:
    rows: list[Any] = list(part._default_manager.filter(version=source)) if source else []
    if not rows and part in {PointsPolicy, TierPolicy}:
        rows = [part()]
    for row in rows:
        row.pk = None
        row._state.adding = True
        row.version = draft
        row.save()
