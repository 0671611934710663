from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False  # an index that is made while orders come in

    dependencies = [
        ('customers', '0012_risk_and_range_of_values'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='orderline',
            index=models.Index(condition=models.Q(('unit_cost__isnull', False)), fields=['retailer', 'order'], name='order_line_with_cost'),
        ),
    ]
