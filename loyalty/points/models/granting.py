from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.memberships.models import Membership
from loyalty.programs.models import ProgramVersion


class Grant(models.Model):
    """
    Points that a member is to get because of something else, such as a referral, or that are to be taken back.

    Who asks for it need not hold the member: it waits, and is decided as an activity of the member's own, at the latest
    before anything else is decided for it. What was asked never changes; how it was decided is said once.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False)
    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="grants", verbose_name=_("member")
    )
    source = models.SlugField(
        _("source"), db_index=False, max_length=20, help_text=_("What asked for it, such as referrals.")
    )
    wallet = models.SlugField(_("wallet"), db_index=False)
    points = models.BigIntegerField(_("points"))
    cause = models.CharField(_("cause"), max_length=150, help_text=_("What it is for; once per member."))
    said = models.JSONField(_("explanation"), default=dict)
    occurred_at = models.DateTimeField(_("earned"), help_text=_("As of when it is decided."))
    pending_days = models.PositiveSmallIntegerField(_("days pending"), default=0)
    version = models.ForeignKey(ProgramVersion, models.PROTECT, null=True, related_name="+", verbose_name=_("version"))
    is_again = models.BooleanField(_("given again"), default=False)
    takes_back = models.ForeignKey(
        "self", models.PROTECT, null=True, related_name="taken_back", verbose_name=_("takes back")
    )
    asked_at = models.DateTimeField(_("asked for"))
    decided_at = models.DateTimeField(_("decided"), null=True)
    given = models.BigIntegerField(_("points moved"), null=True, help_text=_("Given or, of what is taken back, taken."))
    reason = models.CharField(_("reason"), max_length=30, blank=True, help_text=_("Why nothing was given."))

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "cause"], name="grant_once_per_cause"),
            models.CheckConstraint(condition=models.Q(points__gt=0), name="grant_points_positive"),
            models.CheckConstraint(
                condition=models.Q(decided_at__isnull=True, given__isnull=True)
                | models.Q(decided_at__isnull=False, given__gte=0),
                name="grant_decided_says_what_it_gave",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["membership"], condition=models.Q(decided_at__isnull=True), name="grant_waiting"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="grants_are_never_deleted", operation=pgtrigger.Delete),
            pgtrigger.Trigger(
                name="grants_are_decided_once",
                operation=pgtrigger.Update,
                when=pgtrigger.Before,
                condition=pgtrigger.Q(old__decided_at__isnull=False),
                func="RAISE EXCEPTION 'pgtrigger: Cannot change a grant that was decided';",
            ),
        ]

    def __str__(self) -> str:
        return self.cause
