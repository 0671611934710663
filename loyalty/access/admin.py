"""Who works for a retailer, and as what."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ModelAdmin, TextInputWidget
from loyalty.access.models import StaffRole


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

    def get_readonly_fields(self, _request: HttpRequest, obj: StaffRole | None = None) -> tuple[str, ...]:
        return ("retailer",) if obj else ()
