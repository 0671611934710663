"""Open lots lie in the order in which they are spent, so that a redemption reads as few as it takes; gifts are found at once."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("points", "0014_claims_and_leaving")]
    operations: ClassVar = [
        AddIndexConcurrently(
            "lot",
            models.Index(
                fields=["wallet", "expires_at", "earned_at"],
                condition=models.Q(available__gt=0) | models.Q(pending__gt=0) | models.Q(held__gt=0),
                name="lot_open_in_order",
            ),
        ),
        AddIndexConcurrently(
            "lot", models.Index(fields=["wallet"], condition=~models.Q(gift=""), name="lot_gift")
        ),
        RemoveIndexConcurrently("lot", "lot_open"),
    ]
