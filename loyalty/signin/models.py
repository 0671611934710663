from typing import ClassVar
from uuid import uuid4

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Customer, Retailer


class SignInCode(models.Model):
    """
    That somebody asked for a code, for an address that a customer has or not: both leave the same row.

    The code itself is stored nowhere: it follows from `id` and a key that the database does not have (see `codes`).
    """

    id = models.UUIDField(primary_key=True, default=uuid4, editable=False)
    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    address = models.CharField(_("address"), max_length=64, help_text=_("A keyed hash of the e-mail address."))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", null=True, verbose_name=_("customer"))
    language = models.CharField(_("language"), max_length=2, blank=True)
    asked_at = models.DateTimeField(_("asked"))
    expires_at = models.DateTimeField(_("expires"))
    tries = models.PositiveSmallIntegerField(_("tries"), default=0)
    used_at = models.DateTimeField(_("used"), null=True)
    mail_due_at = models.DateTimeField(
        _("to be mailed"), null=True, help_text=_("Empty when there is nothing to mail.")
    )

    class Meta:
        verbose_name = _("sign-in code")
        verbose_name_plural = _("sign-in codes")
        indexes: ClassVar = [
            models.Index(
                fields=["retailer", "mail_due_at"],
                condition=models.Q(mail_due_at__isnull=False),
                name="signin_code_to_mail",
            ),
            models.Index(fields=["asked_at"], name="signin_code_by_age"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SignInLimit(models.Model):
    """How often something was asked for in a span of time, counted in one place for all processes."""

    key = models.CharField(max_length=64, help_text=_("A keyed hash of what is limited, and of whom."))
    begins_at = models.DateTimeField()
    ends_at = models.DateTimeField(db_index=True)
    asked = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("limit of sign-ins")
        verbose_name_plural = _("limits of sign-ins")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["key", "begins_at"], name="signin_limit_once_per_span"),
        ]

    def __str__(self) -> str:
        return f"{self.key[:8]}: {self.asked}"


class MemberSession(models.Model):
    """
    A browser in which a customer is signed in: it holds a random text in a cookie, we its hash.

    It has nothing to do with Django's sessions and users: no shopper is a user, and no user becomes a shopper by it.
    """

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="sessions", verbose_name=_("customer"))
    digest = models.CharField(max_length=64, unique=True, editable=False)
    began_at = models.DateTimeField(_("began"))
    seen_at = models.DateTimeField(_("last seen"))
    ends_at = models.DateTimeField(_("ends"), db_index=True)

    class Meta:
        verbose_name = _("session of a member")
        verbose_name_plural = _("sessions of members")

    def __str__(self) -> str:
        return str(self.customer_id)
