import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """One index for another: by retailer and recording, which a month is read by, for that by retailer alone."""

    atomic = False

    dependencies = [
        ('points', '0011_closed_months_and_origins'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='entry',
            index=models.Index(fields=['retailer', 'recorded_at'], name='entry_by_recording'),
        ),
        migrations.AlterField(
            model_name='entry',
            name='retailer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
    ]
