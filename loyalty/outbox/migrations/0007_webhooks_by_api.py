from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import customers.core.ids

# Each row gets an id of its own, whoever may see it.
ADD_KEY = [
    "ALTER TABLE outbox_endpoint ADD COLUMN key uuid NOT NULL DEFAULT gen_random_uuid() UNIQUE",
    "ALTER TABLE outbox_endpoint ALTER COLUMN key DROP DEFAULT",
]


class Migration(migrations.Migration):

    atomic = False  # an index that is built while events are queued

    dependencies = [("outbox", "0006_positions_of_events")]

    operations = [
        migrations.RunSQL(
            ADD_KEY,
            "ALTER TABLE outbox_endpoint DROP COLUMN key",
            state_operations=[
                migrations.AddField(
                    model_name="endpoint",
                    name="key",
                    field=models.UUIDField(
                        default=customers.core.ids.new_id, editable=False,
                        help_text="By which its retailer's systems know it.", unique=True, verbose_name="id",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="endpoint",
            name="removed_at",
            field=models.DateTimeField(
                editable=False, help_text="What was delivered to it is forgotten soon after.", null=True,
                verbose_name="removed",
            ),
        ),
        AddIndexConcurrently(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("is_dead", True)), fields=["endpoint", "id"], name="delivery_given_up_by_endpoint"
            ),
        ),
    ]
