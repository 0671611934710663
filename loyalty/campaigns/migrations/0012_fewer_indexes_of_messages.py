"""One index fewer that each message is written into: what went to a customer lately is found by until when it said something."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # indexes that are made while messages go, before the others are dropped

    dependencies = [
        ("campaigns", "0011_offers_found_in_reports"),
        ("customers", "0022_held_reviews"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(fields=["customer", "expires_at"], name="message_of_customer"),
        ),
        AddIndexConcurrently(
            model_name="message",
            index=models.Index(
                condition=models.Q(("channel", "inbox"), ("state", "delivered")),
                fields=["customer", "claimed_at"],
                name="message_in_inbox",
            ),
        ),
        RemoveIndexConcurrently(model_name="message", name="message_by_customer"),
        RemoveIndexConcurrently(model_name="message", name="message_sent"),
    ]
