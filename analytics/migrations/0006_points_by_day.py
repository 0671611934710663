import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0005_paid_with_points'),
        ('customers', '0006_consents_by_their_index'),
    ]

    operations = [
        migrations.CreateModel(
            name='PointsMark',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('zone', models.CharField(help_text='By which days are told apart.', max_length=64, verbose_name='zone')),
                ('until', models.UUIDField(verbose_name='summed until')),
                ('waiting', models.UUIDField(null=True, verbose_name='to be summed until')),
                ('waiting_for', models.BigIntegerField(help_text='All that are numbered lower.', null=True, verbose_name='once transactions are over')),
            ],
            options={
                'verbose_name': 'sum of points',
                'verbose_name_plural': 'sums of points',
            },
        ),
        migrations.CreateModel(
            name='PointsDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(verbose_name='day')),
                ('issued', models.BigIntegerField(verbose_name='issued')),
                ('redeemed', models.BigIntegerField(verbose_name='redeemed')),
                ('expired', models.BigIntegerField(verbose_name='expired')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'points of a day',
                'verbose_name_plural': 'points of days',
                'constraints': [models.UniqueConstraint(fields=('retailer', 'day'), name='points_once_per_day')],
            },
        ),
        own_rows_only("analytics_pointsday"),
        own_rows_only("analytics_pointsmark"),
    ]
