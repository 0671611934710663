from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class AdminThemeConfig(AppConfig):
    name = "loyalty.admin_theme"
    label = "admin_theme"
    verbose_name = _("Administration")
    default = True


class AdminConfig(admin_apps.AdminConfig):
    """Django's admin with the theme's site as the one."""

    default = False
    default_site = "loyalty.admin_theme.site.AdminSite"
