from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from customers.models import Retailer
from loyalty.access.roles import Role


class StaffRole(models.Model):
    """What somebody may do for a retailer. Staff without a role sees nothing; superusers see every retailer."""

    class Roles(models.TextChoices):
        OWNER = Role.OWNER.value, _("owner")
        MANAGER = Role.MANAGER.value, _("program manager")
        SUPPORT = Role.SUPPORT.value, _("support agent")
        ANALYST = Role.ANALYST.value, _("analyst")
        AUDITOR = Role.AUDITOR.value, _("auditor")

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="staff", verbose_name=_("retailer"))
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="staff_roles", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=10, choices=Roles)

    class Meta:
        verbose_name = _("staff role")
        verbose_name_plural = _("staff roles")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "retailer"], name="staff_role_once_per_retailer"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"
