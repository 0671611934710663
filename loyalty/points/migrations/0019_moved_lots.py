import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0009_undecided_facts'),
        ('points', '0018_lots_of_a_kind_in_order'),
    ]

    operations = [
        migrations.CreateModel(
            name='MovedLot',
            fields=[
                ('lot', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='points.lot', verbose_name='lot')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('to_lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.lot', verbose_name='moved to')),
            ],
            options={
                'verbose_name': 'moved lot',
                'verbose_name_plural': 'moved lots',
                'constraints': [models.CheckConstraint(condition=models.Q(('lot', models.F('to_lot')), _negated=True), name='moved_lot_never_to_itself')],
            },
        ),
        own_rows_only('points_movedlot'),
    ]
