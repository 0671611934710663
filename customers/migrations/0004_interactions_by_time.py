from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):

    atomic = False  # an index that is built while facts come in

    dependencies = [
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='interaction',
            index=models.Index(fields=['retailer', 'occurred_at', 'id'], name='interaction_by_time'),
        ),
    ]
