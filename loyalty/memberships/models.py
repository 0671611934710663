from typing import ClassVar, Self

import pgtrigger
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.models import Customer, Retailer
from loyalty.programs.models import Program

# Foreign keys look past row-level security: a retailer's session could name another one's customer.
OF_ITS_RETAILER = """
IF NOT EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = NEW.customer_id AND c.retailer_id = NEW.retailer_id)
    OR NOT EXISTS (SELECT 1 FROM programs_program p WHERE p.id = NEW.program_id AND p.retailer_id = NEW.retailer_id)
THEN
    RAISE EXCEPTION 'pgtrigger: The customer and the program of a membership are of its own retailer';
END IF;
RETURN NEW;
"""


class MembershipQuerySet(models.QuerySet["Membership"]):
    """Memberships, and how they are found."""

    def numbered(self, retailer_id: int, number: str) -> Self:
        """Return the membership to which a member number of a retailer leads: its own, or the one that it was merged into."""
        named = Membership.objects.filter(
            retailer=retailer_id, number=number
        )  # found by its index, and then by the key
        return self.filter(pk=named.values(leads_to=Coalesce("merged_into_id", "pk"))[:1])

    def of_member(self, membership: "Membership") -> Self:
        """Return a membership and those that were merged into it: for `membership__in`, as `CustomerQuerySet.of_person`."""
        return self.filter(models.Q(pk=membership.pk) | models.Q(merged_into=membership))


class Membership(models.Model):
    """
    A customer in a program.

    One that was merged into another one has ended, and its number leads there; none leads to one that leads on.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, db_index=False, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(
        Program, models.PROTECT, db_index=False, related_name="memberships", verbose_name=_("program")
    )
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="memberships", verbose_name=_("customer"))
    number = models.CharField(_("member number"), max_length=16, help_text=_("16 digits, the last a check digit."))
    source = models.CharField(_("enrolled through"), max_length=50, blank=True)
    enrolled_at = models.DateTimeField(_("enrolled"))
    left_at = models.DateTimeField(_("left"), null=True, blank=True)
    recorded_at = models.DateTimeField(_("recorded"))
    next_due_at = models.DateTimeField(
        _("next due"),
        null=True,
        editable=False,
        help_text=_("When time alone will next change something: may be early, never late."),
    )
    started_at = models.DateTimeField(
        _("assessed under the version of"),
        null=True,
        editable=False,
        help_text=_("From when the newest version is in force under which the member was assessed."),
    )
    advanced_until = models.DateTimeField(
        _("time carried out until"),
        null=True,
        editable=False,
        help_text=_(
            "By then points of the member ended by inactivity: what occurred before is late. Nights tell it of all."
        ),
    )
    merged_into = models.ForeignKey(
        "self", models.PROTECT, related_name="merged", null=True, editable=False, verbose_name=_("merged into")
    )
    # What both had been until then, for who lives their pasts again: the one that stays may be merged on, or be older since.
    merged_at = models.DateTimeField(_("merged at"), null=True, editable=False)
    merged_first_into = models.UUIDField(
        _("merged first into"), null=True, editable=False, help_text=_("It may have been merged itself since.")
    )
    other_since = models.DateTimeField(
        _("the other one’s enrolment"), null=True, editable=False, help_text=_("As it was before they were merged.")
    )

    objects: ClassVar[MembershipQuerySet] = MembershipQuerySet.as_manager()  # type: ignore[assignment] # a manager of it

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["program", "customer"], name="membership_once_per_customer"),
            models.UniqueConstraint(fields=["retailer", "number"], name="membership_once_per_number"),
            models.CheckConstraint(
                condition=models.Q(left_at__isnull=True) | models.Q(left_at__gte=models.F("enrolled_at")),
                name="membership_ends_after_it_began",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["program", "next_due_at"],
                condition=models.Q(next_due_at__isnull=False),
                name="membership_due",
            ),
            models.Index(fields=["program", "started_at"], name="membership_by_version"),
            GinIndex("retailer", OpClass("number", name="gin_trgm_ops"), name="membership_searched"),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="memberships_are_of_one_retailer",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.UpdateOf("customer_id", "program_id", "retailer_id"),  # type: ignore[no-untyped-call] # it has no types
                func=OF_ITS_RETAILER,
            )
        ]

    def __str__(self) -> str:
        return self.number


class MembershipPeriod(models.Model):
    """A time during which a customer was a member, and that ended: who comes back begins anew, with the same number."""

    membership = models.ForeignKey(
        Membership, models.PROTECT, db_index=False, related_name="periods", verbose_name=_("member")
    )
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    enrolled_at = models.DateTimeField(_("enrolled"))
    left_at = models.DateTimeField(_("left"))

    class Meta:
        verbose_name = _("earlier membership")
        verbose_name_plural = _("earlier memberships")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["membership", "enrolled_at"], name="membership_period_once"),
            models.CheckConstraint(
                condition=models.Q(left_at__gte=models.F("enrolled_at")), name="membership_period_ends_after_it_began"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.enrolled_at:%Y-%m-%d} - {self.left_at:%Y-%m-%d}"


class Household(models.Model):
    """Members of a program who spend together: each earns for itself, each spends what all have."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="households", verbose_name=_("program"))
    name = models.CharField(_("name"), max_length=100, blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("household")
        verbose_name_plural = _("households")

    def __str__(self) -> str:
        return self.name or str(self.pk)


class HouseholdMember(models.Model):
    """That a member belongs to a household; to one at most."""

    membership = models.OneToOneField(
        Membership, models.PROTECT, primary_key=True, related_name="household_member", verbose_name=_("member")
    )
    household = models.ForeignKey(Household, models.CASCADE, related_name="members", verbose_name=_("household"))
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    joined_at = models.DateTimeField(_("joined"))

    class Meta:
        verbose_name = _("member of a household")
        verbose_name_plural = _("members of households")

    def __str__(self) -> str:
        return str(self.membership_id)


class HouseholdStay(models.Model):
    """A time in which a member shared a household, and that ended: what was read of those days can be read again."""

    membership = models.ForeignKey(Membership, models.PROTECT, related_name="+", verbose_name=_("member"))
    household_id = models.UUIDField(_("household"), help_text=_("There may be nobody in it any more."))
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    joined_at = models.DateTimeField(_("joined"))
    left_at = models.DateTimeField(_("left"))

    class Meta:
        verbose_name = _("earlier time in a household")
        verbose_name_plural = _("earlier times in households")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(left_at__gte=models.F("joined_at")), name="household_stay_ends_after_it_began"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["retailer", "household_id"], name="household_stay_by_household")]

    def __str__(self) -> str:
        return f"{self.joined_at:%Y-%m-%d} - {self.left_at:%Y-%m-%d}"
