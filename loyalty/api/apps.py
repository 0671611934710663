from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ApiConfig(AppConfig):
    name = "loyalty.api"
    label = "api"
    verbose_name = _("API access")

    def ready(self) -> None:
        from loyalty.api import schema  # noqa: F401, PLC0415 - the OpenAPI extensions register themselves
