from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class StaffSigninConfig(AppConfig):
    name = "loyalty.staff_signin"
    label = "staff_signin"
    verbose_name = _("Sign-in of staff")
