from typing import ClassVar
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.calendar import zones
from customers.core.countries import country_of
from customers.core.money import CurrencyField, validate_currency


def validate_zone(name: str) -> None:
    """Refuse a zone that the tz database does not know."""
    if name not in zones():
        raise ValidationError(_("“%(zone)s” is not a time zone such as Europe/Paris."), params={"zone": name})


class Retailer(models.Model):
    """The tenant: everything that an edge can reach belongs to one."""

    class Language(models.TextChoices):
        ENGLISH = "en", "English"
        FRENCH = "fr", "Français"

    slug = models.SlugField(_("slug"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    currency = CurrencyField(
        _("currency"), default="EUR", validators=[validate_currency], help_text=_("ISO 4217 code, such as EUR.")
    )
    zone = models.CharField(_("time zone"), max_length=64, default="Europe/Paris", validators=[validate_zone])
    language = models.CharField(_("language"), max_length=2, choices=Language, default=Language.FRENCH)
    margin_rate = models.DecimalField(
        _("margin rate"),
        max_digits=5,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("Share of net revenue that is margin, such as 0.25; used where lines carry no cost."),
    )
    has_suggestions = models.BooleanField(
        _("products are suggested"), default=False, db_default=False, editable=False,
        help_text=_("Since a recommendation run wrote some: nobody looks for them where there are none."),
    )  # fmt: skip
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("retailer")
        verbose_name_plural = _("retailers")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(currency__regex="^[A-Z]{3}$"), name="currency_is_an_iso_code"),
            models.CheckConstraint(
                condition=models.Q(margin_rate__isnull=True) | models.Q(margin_rate__range=(0, 1)),
                name="margin_rate_is_a_share",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def tzinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def country(self) -> str:
        """Return the code of the country of its time zone, in which its customers' phone numbers name none; empty for none."""
        return country_of(self.zone)
