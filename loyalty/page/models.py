from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator, RegexValidator, URLValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.images import validate_image
from customers.core.languages import own_text
from customers.models import Retailer
from loyalty.page.colours import HEX, Palette, palette_of

HOUSE_COLOUR = "#245149"
WEB = ("https://", "http://")


def validate_contact(text: str) -> None:
    """Refuse what is neither an e-mail address nor the address of a page."""
    check = URLValidator(schemes=["https", "http"]) if text.startswith(WEB) else EmailValidator()
    try:
        check(text)
    except ValidationError as error:
        message = _("Give an e-mail address, or the address of a page that begins with https://.")
        raise ValidationError(message, code="invalid") from error


class Branding(models.Model):
    """How a retailer's members' page looks, and whether there is one."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="branding", verbose_name=_("retailer")
    )
    is_open = models.BooleanField(
        _("open"), default=True, help_text=_("Members can sign in. Closed, the page says that it is.")
    )
    accent = models.CharField(
        _("colour"),
        max_length=7,
        default=HOUSE_COLOUR,
        validators=[RegexValidator(HEX, _("Six digits after a #, such as #245149."))],
        help_text=_("Your own, as #rrggbb. What is written on it is made readable by itself."),
    )
    logo = models.CharField(
        _("logo"),
        max_length=300,
        blank=True,
        validators=[validate_image],
        help_text=_("Its address, or the name of an image that was uploaded. Empty, your name is written."),
    )
    greeting = models.CharField(_("greeting"), max_length=120, blank=True, help_text=_("Above the sign-in."))
    greeting_fr = models.CharField(_("greeting in French"), max_length=120, blank=True)
    contact = models.CharField(
        _("contact"),
        max_length=254,
        blank=True,
        validators=[validate_contact],
        help_text=_("Where members get help: an e-mail address or a page's, which begins with https://."),
    )
    privacy_notice = models.CharField(
        _("privacy notice"),
        max_length=300,
        blank=True,
        validators=[URLValidator(schemes=["https", "http"])],
        help_text=_("The address of your own."),
    )

    class Meta:
        verbose_name = _("members' page")
        verbose_name_plural = _("members' pages")
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(accent__regex="^#[0-9a-fA-F]{6}$"), name="accent_is_a_colour"),
        ]

    def __str__(self) -> str:
        return str(self.retailer)

    @property
    def palette(self) -> Palette:
        """Return its colours."""
        return palette_of(self.accent)

    @property
    def contact_link(self) -> str:
        """Return where a click on the contact leads; empty for none."""
        return self.contact if self.contact.startswith(WEB) or not self.contact else f"mailto:{self.contact}"

    def words(self) -> str:
        """Return the greeting in the reader's language; empty for none."""
        return own_text(self, "greeting")
