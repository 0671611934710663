"""What the admin's two queues have in common whose rows are about an interaction: its columns, and how one is decided."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from customers.core.admin import ExportedAdmin, display
from loyalty.activity.account.approving import review
from loyalty.activity.models import InteractionDecision, InteractionHold
from loyalty.activity.staff import ByStaff, tried

Row = InteractionHold | InteractionDecision


def decide(row: Row, *, is_approved: bool, dry_run: bool) -> int:
    """
    Approve or refuse the interaction of a row.

    :returns: the points that become active, or are cancelled
    """
    with tried(dry_run):
        return review(row.retailer, row.interaction.number, is_approved=is_approved, now=timezone.now())


class OfInteraction(ByStaff, ExportedAdmin):
    """Rows that are each about an interaction, with what it was."""

    @display(description=_("when"), ordering="interaction__occurred_at")
    def when(self, row: Row) -> Any:
        return row.interaction.occurred_at

    @display(description=_("interaction"), ordering="interaction__number")
    def number(self, row: Row) -> str:
        return row.interaction.number

    @display(description=_("kind"), ordering="interaction__kind")
    def kind(self, row: Row) -> str:
        return row.interaction.get_kind_display()

    @display(description=_("product"), ordering="interaction__sku")
    def sku(self, row: Row) -> str:
        return row.interaction.sku or "-"

    @display(description=_("customer"))
    def customer(self, row: Row) -> str:
        return str(row.interaction.customer.external_id)
