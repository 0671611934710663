from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AdminThemeConfig(AppConfig):
    name = "loyalty.admin_theme"
    label = "admin_theme"
    verbose_name = _("Administration")
