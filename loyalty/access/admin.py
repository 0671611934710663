"""Who works for a retailer, and as what."""

from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.mail import send_mail
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ModelAdmin, TextInputWidget
from loyalty.access.inviting import invite, token_of
from loyalty.access.models import SignInPolicy, StaffInvitation, StaffRole
from loyalty.access.one_of_retailer import OneOfRetailer
from loyalty.access.staff import post_of

log = structlog.get_logger()


class StaffRoleForm(forms.ModelForm[StaffRole]):
    """Names the user by its name: an owner gives a role to somebody known, and sees no list of users."""

    username = forms.CharField(label=_("user name"), widget=TextInputWidget())

    class Meta:
        model = StaffRole
        fields = ("retailer", "role")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            self.fields["username"].initial = self.instance.user.get_username()
            self.fields["username"].disabled = True

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        user = User.objects.filter(username=name, is_active=True, is_staff=True).first()
        if user is None:
            raise forms.ValidationError(_("There is no active staff user of that name. Have it created first."))
        self.instance.user = user
        return name


@admin.register(StaffRole)
class StaffRoleAdmin(ModelAdmin):
    form = StaffRoleForm
    fields = ("username", "retailer", "role")
    list_display = ("user", "role", "retailer")
    list_filter = ("role",)
    list_select_related = ("user", "retailer")
    ordering = ("user__username",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Superusers name a user; everybody else invites, and who is invited accepts."""
        return bool(request.user.is_superuser)

    def get_readonly_fields(self, _request: HttpRequest, obj: StaffRole | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()


@admin.register(StaffInvitation)
class StaffInvitationAdmin(ModelAdmin):
    fields = ("email", "role")
    list_display = ("email", "role", "retailer", "invited_by", "invited_at", "expires_at", "accepted_at", "accepted_by")
    list_select_related = ("retailer", "accepted_by")
    ordering = ("-invited_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        post = post_of(request)
        return bool(super().has_add_permission(request)) and post is not None and post.retailer is not None

    def has_change_permission(self, _request: HttpRequest, _obj: StaffInvitation | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: StaffInvitation, _form: Any, change: bool) -> None:  # noqa: FBT001 - Django's signature
        post = post_of(request)
        assert post is not None, "who may not add does not come here"
        assert post.retailer is not None, "who may not add does not come here"
        made = invite(post.retailer, obj.email, obj.role, by=request.user.get_username(), now=timezone.now())
        obj.pk, obj._state.adding = made.pk, False
        link = request.build_absolute_uri(reverse("staff_invitation", args=[token_of(made)]))
        words = _("Who opens this address within a week may accept: %(link)s")
        if settings.SENDS_MAIL and _mailed(made, link):
            words = _("It was mailed. Who opens this address within a week may accept: %(link)s")
        messages.warning(request, words % {"link": link})


def _mailed(invitation: StaffInvitation, link: str) -> bool:
    """Mail an invitation; whoever invites has the link too, should the mail not come."""
    said = {"who": invitation.invited_by, "retailer": invitation.retailer, "link": link}
    subject = _("%(who)s invites you to work for %(retailer)s") % said
    text = render_to_string("access/invitation.txt", said)
    try:
        return bool(send_mail(" ".join(subject.split()), text, settings.DEFAULT_FROM_EMAIL, [invitation.email]))
    except OSError:
        log.exception("invitation_not_mailed", invitation=invitation.pk)
        return False


@admin.register(SignInPolicy)
class SignInPolicyAdmin(OneOfRetailer):
    list_display = ("retailer", "requires_second_factor")
    list_select_related = ("retailer",)
    fields = ("requires_second_factor",)

    def has_delete_permission(self, _request: HttpRequest, _obj: SignInPolicy | None = None) -> bool:
        return False
