from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # an index of a large table, built while it is written to

    dependencies = [
        ("points", "0023_interactions_limited"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="lot",
            index=models.Index(
                condition=models.Q(("activation_event", "approved")), fields=["gift"], name="lot_of_approval"
            ),
        ),
    ]
