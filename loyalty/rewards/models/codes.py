from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.models import Retailer
from loyalty.programs.models import Program
from loyalty.rewards.models.redemptions import RewardRedemption


class CodeBatch(models.Model):
    """A file of codes that was imported for a reward."""

    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    program = models.ForeignKey(Program, models.PROTECT, related_name="+", verbose_name=_("program"))
    reward_key = models.UUIDField(_("reward"))
    file_name = models.CharField(_("file"), max_length=200)
    author = models.CharField(_("by"), max_length=150, blank=True)
    codes = models.PositiveIntegerField(_("codes"), default=0)
    known = models.PositiveIntegerField(_("known before"), default=0, help_text=_("Left as they were."))
    imported_at = models.DateTimeField(_("imported"))

    class Meta:
        verbose_name = _("import of codes")
        verbose_name_plural = _("imports of codes")

    def __str__(self) -> str:
        return self.file_name


class RewardCode(models.Model):
    """
    A code: of a pool, waiting for a member, or of a redemption.

    The code itself is sealed; it is found by a keyed hash of what somebody types.
    """

    # Without constraints of their own: an import writes a million at once, and its batch has them.
    retailer = models.ForeignKey(
        Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"), db_index=False, db_constraint=False
    )
    program = models.ForeignKey(
        Program, models.PROTECT, related_name="+", verbose_name=_("program"), db_index=False, db_constraint=False
    )
    reward_key = models.UUIDField(_("reward"))
    digest = models.BinaryField(max_length=16)
    sealed = models.BinaryField()
    batch = models.ForeignKey(
        CodeBatch, models.PROTECT, null=True, related_name="+", verbose_name=_("import"), db_index=False,
        db_constraint=False,
    )  # fmt: skip
    redemption = models.ForeignKey(
        RewardRedemption, models.PROTECT, null=True, related_name="codes", verbose_name=_("redemption"), db_index=False
    )

    class Meta:
        verbose_name = _("code")
        verbose_name_plural = _("codes")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "digest"], name="reward_code_once"),
            models.UniqueConstraint(
                fields=["redemption"],
                condition=models.Q(redemption__isnull=False),
                name="reward_code_of_one_redemption",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["program", "reward_key", "id"],
                condition=models.Q(redemption__isnull=True),
                name="reward_code_in_its_pool",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class VoucherHold(models.Model):
    """A till has a voucher in hand: nobody else can use it until the till confirms, releases, or is silent too long."""

    class Status(models.TextChoices):
        OPEN = "open", _("open")
        CONFIRMED = "confirmed", _("confirmed")
        RELEASED = "released", _("released")
        SUPERSEDED = "superseded", _("taken over by another till")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", verbose_name=_("retailer"))
    redemption = models.ForeignKey(
        RewardRedemption, models.PROTECT, db_index=False, related_name="holds", verbose_name=_("redemption")
    )
    reference = models.CharField(_("reference"), max_length=80, help_text=_("The till's own; once per voucher."))
    till = models.CharField(_("till"), max_length=50, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.OPEN)
    held_at = models.DateTimeField(_("held"))
    ends_at = models.DateTimeField(_("ends"), help_text=_("Until then the till may give what the voucher promises."))
    ended_at = models.DateTimeField(_("ended"), null=True)

    class Meta:
        verbose_name = _("hold of a voucher")
        verbose_name_plural = _("holds of vouchers")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["redemption", "reference"], name="voucher_hold_once_per_reference"),
            models.UniqueConstraint(
                fields=["redemption"], condition=models.Q(status="open"), name="voucher_held_by_one_till"
            ),
            models.CheckConstraint(
                condition=models.Q(status="open", ended_at__isnull=True)
                | (~models.Q(status="open") & models.Q(ended_at__isnull=False)),
                name="voucher_hold_ends_once",
            ),
        ]

    def __str__(self) -> str:
        return self.reference
