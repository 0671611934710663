"""The lots of a grant are found when it is taken back."""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("points", "0020_grants")]
    operations: ClassVar = [
        AddIndexConcurrently(
            "lot", models.Index(fields=["grant"], condition=models.Q(grant__isnull=False), name="lot_of_grant")
        ),
    ]
