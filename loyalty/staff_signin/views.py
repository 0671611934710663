"""The sign-in of staff, and the acceptance of invitations."""

from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.views import LoginView
from django.contrib import messages
from django.contrib.auth import get_user_model, logout
from django.contrib.auth.views import PasswordChangeView, redirect_to_login
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from customers.core.tenancy import ALL_TENANTS, acting_for
from loyalty.access.inviting import NoInvitation, accept, invitation_of
from loyalty.access.models import StaffInvitation
from loyalty.staff_signin.forms import NewUserForm, OwnPasswordForm


class StaffLoginView(LoginView):  # type: ignore[misc] # allauth has no types
    """Signs staff in; who is signed in and no staff any more is signed out first, or would be sent round in circles."""

    def dispatch(self, request: HttpRequest, *given: Any, **named: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.is_staff:
            logout(request)
        found: HttpResponseBase = super().dispatch(request, *given, **named)
        return found


class OwnPasswordView(PasswordChangeView):
    """Lets somebody choose another password, and tells by mail that it was done."""

    form_class = OwnPasswordForm
    success_url = reverse_lazy("admin:password_change_done")

    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        get_adapter().send_notification_mail("account/email/password_changed", form.user)
        return answer


@never_cache
@sensitive_post_parameters("password", "again")
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation; accept it as who is signed in, or as a new user."""
    try:
        found = invitation_of(token, now=timezone.now())
        form = NewUserForm(request.POST if "username" in request.POST else None)
        if request.method == "POST" and request.user.is_authenticated:
            return _accepted(request, found, request.user)
        if request.method == "POST" and form.is_valid():
            return _accepted(request, found, None, form.cleaned_data)
    except NoInvitation as refused:
        return render(request, "staff_signin/invitation.html", {"refused": str(refused)}, status=404)
    is_known = get_user_model()._default_manager.filter(email__iexact=found.email, is_active=True).exists()
    said = {"invitation": found, "form": form, "is_known": is_known, "to_sign_in": redirect_to_login(request.path).url}
    return render(request, "staff_signin/invitation.html", said)


def _accepted(
    request: HttpRequest, found: StaffInvitation, user: Any, new: dict[str, Any] | None = None
) -> HttpResponse:
    with acting_for(ALL_TENANTS), transaction.atomic():
        if new is not None:
            users: Any = get_user_model()._default_manager
            user = users.create_user(new["username"], email=found.email, password=new["password"], is_staff=True)
        elif not user.is_staff:
            user.is_staff = True
            user.save(update_fields=["is_staff"])
        role = accept(found, user, now=timezone.now())
    said = _("You work for %(retailer)s now, as %(role)s.")
    messages.success(request, said % {"retailer": found.retailer, "role": role.get_role_display()})
    return redirect("admin:index" if new is None else "account_login")
