"""Django's `shell`, in which whoever may run it sees all retailers' rows."""

from typing import Any

from django.core.management.commands.shell import Command as Shell

from customers.core.tenancy import ALL_TENANTS, acting_for


class Command(Shell):
    @acting_for(ALL_TENANTS)
    def handle(self, **options: Any) -> None:
        super().handle(**options)
