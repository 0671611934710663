from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # an index of a large table, built while it is written to

    dependencies = [
        ("points", "0024_lots_of_approvals"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="entry",
            index=models.Index(
                condition=models.Q(("explanation__has_key", "debts"), ("kind", "transfer")),
                fields=["wallet"],
                name="entry_takes_debts_over",
            ),
        ),
    ]
