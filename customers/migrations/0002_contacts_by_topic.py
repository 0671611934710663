from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('customers', '0001_squashed'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='interaction',
            index=models.Index(condition=models.Q(('topic', ''), _negated=True), fields=['retailer', 'occurred_at'], name='interaction_with_a_topic'),
        ),
    ]
