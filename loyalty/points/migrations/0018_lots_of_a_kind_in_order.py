"""Open lots lie in the order in which they are spent, each kind by itself: those with dates, and those that follow their member."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("points", "0017_spending_references")]
    operations: ClassVar = [
        AddIndexConcurrently(
            "lot",
            models.Index(
                fields=["wallet", "expires_on_inactivity", "expires_at", "earned_at"],
                condition=models.Q(available__gt=0) | models.Q(pending__gt=0) | models.Q(held__gt=0),
                name="lot_of_a_kind_in_order",
            ),
        ),
        RemoveIndexConcurrently("lot", "lot_open_in_order"),
    ]
