from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('campaigns', '0005_receipts_of_addresses'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='receipt',
            index=models.Index(condition=models.Q(('address_hash', ''), _negated=True), fields=['address_hash', 'occurred_at'], name='receipt_of_an_address'),
        ),
    ]
