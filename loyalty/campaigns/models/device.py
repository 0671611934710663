from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.core.ids import new_id
from customers.models import Customer, Retailer

MAX_ADDRESS = 1_000
KEY, SECRET = r"^[A-Za-z0-9_-]{87}$", r"^[A-Za-z0-9_-]{22}$"  # 65 bytes and 16, in the alphabet of addresses


class PushDevice(models.Model):
    """
    A device that shows push messages: a browser by its own subscription, or an app by what the retailer's provider knows it by.

    It is of whoever registered it last: two who share a browser do not read each other's messages.
    """

    class Kind(models.TextChoices):
        WEB = "web", _("a browser")
        APP = "app", _("an app")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    retailer = models.ForeignKey(Retailer, models.PROTECT, related_name="+", db_index=False, verbose_name=_("retailer"))
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="push_devices", verbose_name=_("customer"))
    kind = models.CharField(_("kind"), max_length=3, choices=Kind)
    address = models.CharField(
        _("address"), max_length=MAX_ADDRESS, help_text=_("Where a browser's messages are posted, or an app's token.")
    )
    p256dh = models.CharField(_("public key"), max_length=87, blank=True)
    auth = models.CharField(_("secret"), max_length=22, blank=True)
    created_at = models.DateTimeField(_("registered"))

    class Meta:
        verbose_name = _("device")
        verbose_name_plural = _("devices")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["retailer", "address"], name="device_once_per_retailer"),
            models.CheckConstraint(
                condition=models.Q(kind="web", address__regex="^https://", p256dh__regex=KEY, auth__regex=SECRET)
                | (models.Q(kind="app", p256dh="", auth="") & ~models.Q(address="")),
                name="device_is_a_browser_or_an_app",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.pk}"
