from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

import pgtrigger
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.core.ids import new_id
from customers.models import Retailer
from customers.models.retailer import validate_zone


class Program(models.Model):
    """A retailer's loyalty program. What it promises stands in its versions."""

    retailer = models.ForeignKey(
        Retailer, models.PROTECT, db_index=False, related_name="programs", verbose_name=_("retailer")
    )
    slug = models.SlugField(_("slug"))
    name = models.CharField(_("name"), max_length=200)
    zone = models.CharField(
        _("time zone"), max_length=64, validators=[validate_zone], help_text=_("Its midnight ends the program's days.")
    )
    # Changes with each publication: what a process remembers under it stays true.
    versions_revision = models.UUIDField(default=new_id, editable=False)
    two_to_publish = models.BooleanField(
        _("two people publish"),
        default=False,
        help_text=_("One proposes a version, another publishes it."),
    )
    two_ends_asked_by = models.CharField(
        _("asks to end it"),
        max_length=150,
        blank=True,
        editable=False,
        help_text=_("Who wants one person to be enough; a second one has to say so too."),
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("program")
        verbose_name_plural = _("programs")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "slug"], name="program_once_per_slug"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def in_force_at(self, instant: datetime) -> "ProgramVersion | None":
        """Return the version that is in force at an instant; None before the first."""
        published = self.versions.filter(status=ProgramVersion.Status.PUBLISHED, effective_from__lte=instant)
        return published.order_by("-effective_from").first()


# The one change that a published version may see: it is withdrawn before it is in force.
ONLY_WITHDRAWN = """
IF TG_OP = 'UPDATE' AND OLD.status = 'published' AND NEW.status = 'withdrawn' AND OLD.effective_from > now()
    AND to_jsonb(NEW) - 'status' = to_jsonb(OLD) - 'status' THEN
    RETURN NEW;
END IF;
RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;
"""


class ProgramVersion(models.Model):
    """
    All that a program promises from one instant on.

    A draft may be edited; publishing freezes it and all rows that belong to it. What occurred at an instant is decided
    under the version that was in force then: the published one with the latest `effective_from` not after it. As long as
    it is not in force yet, a published version may be withdrawn; then it has never been.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", _("draft")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    program = models.ForeignKey(
        Program, models.PROTECT, db_index=False, related_name="versions", verbose_name=_("program")
    )
    number = models.PositiveIntegerField(_("number"))
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    note = models.CharField(_("note"), max_length=200, blank=True, help_text=_("What this version changes, and why."))
    effective_from = models.DateTimeField(_("in force from"), null=True, editable=False)
    published_at = models.DateTimeField(_("published"), null=True, editable=False)
    published_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("by")
    )
    # Changes with every edit of the draft: who edits from an older state is told so.
    revision = models.UUIDField(default=new_id, editable=False)
    proposed_by = models.CharField(_("proposed by"), max_length=150, blank=True, editable=False)
    proposed_for = models.DateTimeField(_("proposed for"), null=True, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("version")
        verbose_name_plural = _("versions")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "number"], name="version_once_per_number"),
            models.UniqueConstraint(
                fields=["program", "effective_from"],
                condition=models.Q(status="published"),
                name="version_once_per_instant",
            ),
            models.CheckConstraint(
                condition=models.Q(status="draft", effective_from__isnull=True)
                | models.Q(
                    status__in=["published", "withdrawn"], effective_from__isnull=False, published_at__isnull=False
                ),
                name="version_published_has_an_instant",
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="published_versions_are_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                condition=pgtrigger.Q(old__status__in=["published", "withdrawn"]),
                func=ONLY_WITHDRAWN,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.program} · {self.number}"

    @property
    def is_draft(self) -> bool:
        return self.status == self.Status.DRAFT


FROZEN_WITH_VERSION = """
IF EXISTS (
    SELECT 1 FROM programs_programversion v
    WHERE v.status <> 'draft' AND v.id IN (
        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)
) THEN
    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;
END IF;
IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
RETURN NEW;
"""


def frozen_with_version(what: str) -> list[pgtrigger.Trigger]:
    """Refuse every change of rows that belong to a published version."""
    return [
        pgtrigger.Trigger(
            name=f"{what}_frozen_with_version",
            when=pgtrigger.Before,
            operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
            func=FROZEN_WITH_VERSION,
        )
    ]


class VersionEvent(models.Model):
    """Who did what with a version, and when. Never changed, never deleted: what became of a deleted draft stays known."""

    class Action(models.TextChoices):
        CREATED = "created", _("created")
        EDITED = "edited", _("edited")
        PROPOSED = "proposed", _("proposed")
        DELETED = "deleted", _("deleted")
        PUBLISHED = "published", _("published")
        WITHDRAWN = "withdrawn", _("withdrawn")

    program = models.ForeignKey(
        Program, models.CASCADE, db_index=False, related_name="events", verbose_name=_("program")
    )
    number = models.PositiveIntegerField(_("version"))
    action = models.CharField(_("action"), max_length=10, choices=Action)
    author = models.CharField(_("by"), max_length=150, blank=True)
    changes = models.JSONField(_("changes"), default=list)
    occurred_at = models.DateTimeField(_("when"))

    class Meta:
        verbose_name = _("event of a version")
        verbose_name_plural = _("events of versions")
        indexes: ClassVar = [models.Index(fields=["program", "-id"], name="version_event_newest_first")]
        triggers: ClassVar = append_only("version_events")

    def __str__(self) -> str:
        return f"{self.program} · {self.number}: {self.get_action_display()}"
