import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    atomic = False

    dependencies = [("outbox", "0007_webhooks_by_api"), ("customers", "0003_rows_of_a_retailer")]

    operations = [
        migrations.CreateModel(
            name="FeedStart",
            fields=[
                ("retailer", models.OneToOneField(
                    on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name="+", serialize=False,
                    to="customers.retailer", verbose_name="retailer",
                )),
                ("position", models.BigIntegerField(verbose_name="position")),
            ],
            options={"verbose_name": "start of the feed", "verbose_name_plural": "starts of feeds"},
        ),
        own_rows_only("outbox_feedstart"),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("dispatched_at__isnull", False)), fields=["dispatched_at"], name="event_by_age"
            ),
        ),
    ]
