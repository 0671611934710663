from typing import ClassVar, Self

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.guards import append_only
from customers.models.customer import Customer


class ConsentQuerySet(models.QuerySet["Consent"]):
    def newest_first(self) -> Self:
        """Return statements so that of each purpose the one that counts comes first: `NEWEST_FIRST` in SQL."""
        return self.order_by("-occurred_at", "granted", "-pk")


class Consent(models.Model):
    """One statement of a customer's will. The newest for a purpose counts; none is ever changed."""

    class Purpose(models.TextChoices):
        PROGRAM = "program", _("taking part in the program")
        EMAIL = "email", _("messages by e-mail")
        SMS = "sms", _("messages by SMS")
        PUSH = "push", _("push messages")
        PROFILING = "profiling", _("offers based on a profile")

    customer = models.ForeignKey(
        Customer, models.CASCADE, db_index=False, related_name="consents", verbose_name=_("customer")
    )
    purpose = models.CharField(_("purpose"), max_length=20, choices=Purpose)
    granted = models.BooleanField(_("granted"))
    occurred_at = models.DateTimeField(_("when"))
    source = models.CharField(_("where"), max_length=50, help_text=_("Such as till, web, app, import."))
    wording = models.TextField(_("wording"), blank=True, help_text=_("What the customer read and agreed to."))
    recorded_at = models.DateTimeField(_("recorded"), auto_now_add=True)

    objects = ConsentQuerySet.as_manager()

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        # All that is asked before each message: no row is read, nothing is sorted.
        indexes: ClassVar = [
            models.Index(fields=["customer", "purpose", "-occurred_at", "granted"], name="consent_newest_first")
        ]
        triggers: ClassVar = append_only("consents")

    def __str__(self) -> str:
        return str(self.get_purpose_display())
