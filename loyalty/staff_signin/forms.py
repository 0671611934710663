"""Allauth's forms, with what is counted before anything is compared."""

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.core import context
from allauth.core.internal.cryptokit import normalize_user_code
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.totp.forms import ActivateTOTPForm
from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminOwnPasswordChangeForm

from loyalty.access.models import PasswordReset
from loyalty.staff_signin.limits import count_code, count_password, count_reset, forget_passwords, is_first_use


class CountedCode:
    """Takes a code only as often as somebody may try, and each right one once."""

    user: Any

    def clean_code(self) -> str:
        count_code(self.user.pk)
        code: str = super().clean_code()  # type: ignore[misc] # of the form beside this
        if not is_first_use(self.user.pk, normalize_user_code(code)):
            raise get_adapter().validation_error("incorrect_code")
        return code


class CodeForm(CountedCode, AuthenticateForm):  # type: ignore[misc] # allauth has no types
    """The second factor, at the sign-in."""


class CodeAgainForm(CountedCode, ReauthenticateForm):  # type: ignore[misc] # allauth has no types
    """The second factor, before something that matters."""


class FirstCodeForm(CountedCode, ActivateTOTPForm):  # type: ignore[misc] # allauth has no types
    """The first code of an app."""


class AskForResetForm(ResetPasswordForm):  # type: ignore[misc] # allauth has no types
    """Asks for a mail with a link; the answer is the same whether or not somebody has the address."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.users: list[Any] = []

    def clean_email(self) -> str:
        if not settings.SENDS_MAIL:
            raise forms.ValidationError(_("This site sends no mail. Ask who runs it for a new password."))
        email: str = self.cleaned_data["email"].strip()
        count_reset(context.request, email)
        return email

    def save(self, _request: HttpRequest, **_given: Any) -> str:
        email: str = self.cleaned_data["email"]
        now = timezone.now()
        PasswordReset.objects.create(
            email=email,
            site=settings.PUBLIC_URL.rstrip("/"),  # not what the request says: whoever asks may be somebody else
            language=(translation.get_language() or "en")[:2],
            asked_at=now,
            mail_due_at=now,
        )
        return email


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc] # the theme has no types
    """Another password of one's own: the present one is a password that somebody tries, as at the sign-in."""

    def clean_old_password(self) -> str:
        name = self.user.get_username()
        count_password(context.request, name)
        password: str = super().clean_old_password()
        forget_passwords(context.request, name)
        return password


class NewUserForm(forms.Form):
    """Who accepts an invitation and has no user name yet."""

    username = forms.CharField(label=_("user name"), max_length=150)
    password = forms.CharField(label=_("password"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}))
    again = forms.CharField(
        label=_("password again"), widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def clean_username(self) -> str:
        users = get_user_model()
        name: str = users.normalize_username(self.cleaned_data["username"].strip())
        users.username_validator(name)
        if users.objects.filter(username__iexact=name).exists():
            raise forms.ValidationError(_("Somebody has this name already."))
        return name

    def clean(self) -> dict[str, Any]:
        said = self.cleaned_data
        if {"password", "again"} <= said.keys():
            if said["password"] != said["again"]:
                self.add_error("again", _("These are two different passwords."))
            else:
                self._judge(said)
        return said

    def _judge(self, said: dict[str, Any]) -> None:
        try:
            validate_password(said["password"], get_user_model()(username=said.get("username", "")))
        except forms.ValidationError as weak:
            self.add_error("password", weak)
