from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PageConfig(AppConfig):
    name = "loyalty.page"
    label = "page"
    verbose_name = _("Members' page")
