"""A balance is read of the index of open lots alone: it has their points beside their dates."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # an index that is made while orders come in, before the other one goes

    dependencies = [
        ("points", "0028_lines_that_count"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="lot",
            index=models.Index(
                condition=models.Q(("available__gt", 0), ("pending__gt", 0), ("held__gt", 0), _connector="OR"),
                fields=["wallet", "expires_on_inactivity", "expires_at", "earned_at"],
                include=("available",),
                name="lot_with_points_in_order",
            ),
        ),
        RemoveIndexConcurrently(model_name="lot", name="lot_of_a_kind_in_order"),
    ]
