"""Django's own users and groups in the theme."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from customers.core.admin import ModelAdmin, action

admin.site.unregister(User)
admin.site.unregister(Group)
admin.site.unregister(Authenticator)  # what codes are made from is nobody's to see, nor to change by hand
admin.site.unregister(EmailAddress)  # a user has one address, on its own page


@admin.register(User)
class UserAdmin(DjangoUserAdmin[User], ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    actions = ("take_second_factors",)

    @action(description=_("Take away the second factors, of who has lost them"), permissions=["change"])
    def take_second_factors(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        found = Authenticator.objects.filter(user__in=rows)
        users = found.values("user").distinct().count()
        found.delete()
        for user in rows:
            self.log_change(request, user, "second factors taken away")
        said = ngettext("%(users)s user signs in without them now.", "%(users)s users sign in without them now.", users)
        messages.success(request, said % {"users": users})


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass
