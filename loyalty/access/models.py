from datetime import timedelta
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.auth.models import User
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
        settings.AUTH_USER_MODEL, models.CASCADE, db_index=False, related_name="staff_roles", verbose_name=_("user")
    )
    role = models.CharField(_("role"), max_length=10, choices=Roles)
    chosen_at = models.DateTimeField(
        _("chosen"), null=True, editable=False, help_text=_("When its holder last chose to act for this retailer.")
    )

    class Meta:
        verbose_name = _("staff role")
        verbose_name_plural = _("staff roles")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "retailer"], name="staff_role_once_per_retailer"),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.get_role_display()}"


class SignInPolicy(models.Model):
    """What a retailer asks of its staff beside a password."""

    retailer = models.OneToOneField(
        Retailer, models.CASCADE, primary_key=True, related_name="sign_in_policy", verbose_name=_("retailer")
    )
    requires_second_factor = models.BooleanField(
        _("second factor required"),
        default=False,
        help_text=_("Whoever has none yet sets one up before anything else: an app with codes, or a passkey."),
    )

    class Meta:
        verbose_name = _("sign-in of staff")
        verbose_name_plural = _("sign-in of staff")

    def __str__(self) -> str:
        return str(self.retailer)


class StaffInvitation(models.Model):
    """
    That somebody is asked to work for a retailer; only who accepts it has the role.

    Its link is signed, and stored nowhere.
    """

    LIFE = timedelta(days=7)

    retailer = models.ForeignKey(Retailer, models.CASCADE, related_name="+", verbose_name=_("retailer"))
    email = models.EmailField(_("e-mail"))
    role = models.CharField(_("role"), max_length=10, choices=StaffRole.Roles)
    invited_by = models.CharField(_("invited by"), max_length=150, editable=False)
    invited_at = models.DateTimeField(_("invited"), editable=False)
    expires_at = models.DateTimeField(_("expires"), editable=False)
    accepted_at = models.DateTimeField(_("accepted"), null=True, editable=False)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")

    def __str__(self) -> str:
        return self.email


class PasswordReset(models.Model):
    """
    That somebody asked to choose a new password, for an address that a user has or not: both leave the same row.

    A worker mails what leads on; whoever asks waits for no mail server, and learns nothing from it.
    """

    email = models.EmailField(_("e-mail"))
    site = models.CharField(max_length=300, help_text=_("Where the link leads, such as https://loyalty.example.org."))
    language = models.CharField(_("language"), max_length=2, blank=True)
    asked_at = models.DateTimeField(_("asked"), db_index=True)
    mail_due_at = models.DateTimeField(_("to be mailed"), null=True)

    class Meta:
        verbose_name = _("password reset")
        verbose_name_plural = _("password resets")
        indexes: ClassVar = [
            models.Index(
                fields=["mail_due_at"], condition=models.Q(mail_due_at__isnull=False), name="password_reset_to_mail"
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


# Who acts for one retailer, or for nobody, signs in and changes passwords; who may do more is for superusers and commands to say.
NO_POWERS = """
IF coalesce(current_setting('app.retailer', true), '*') <> '*' AND (TG_OP <> 'UPDATE' OR (
    (NEW.is_superuser, NEW.is_staff, NEW.is_active, NEW.username, NEW.email)
    IS DISTINCT FROM (OLD.is_superuser, OLD.is_staff, OLD.is_active, OLD.username, OLD.email))) THEN
    RAISE EXCEPTION 'pgtrigger: Nobody who acts for a retailer makes or removes users, or gives them powers';
END IF;
IF TG_OP = 'DELETE' THEN
    RETURN OLD;
END IF;
RETURN NEW;
"""


class GuardedUser(User):
    """Django's users, with what the database refuses to do to them."""

    class Meta:
        proxy = True
        default_permissions = ()
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="users_gain_no_powers",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                func=NO_POWERS,
            )
        ]
