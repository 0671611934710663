from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CustomersConfig(AppConfig):
    name = "customers"
    verbose_name = _("Customers")

    def ready(self) -> None:
        """Let dates be written as each language does."""
        from customers.core import first_days  # noqa: PLC0415 - when all is there

        first_days.install()
