import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0008_aliases'),
    ]

    operations = [
        migrations.CreateModel(
            name='UndecidedFact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('order', 'order'), ('return', 'return'), ('event', 'event of an order'), ('interaction', 'interaction'), ('correction', 'correction of an order'), ('customer', 'change of a customer')], max_length=12, verbose_name='kind')),
                ('fact_id', models.UUIDField(verbose_name='fact')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('attempts', models.PositiveIntegerField(db_default=0, default=0, verbose_name='attempts')),
                ('error', models.TextField(blank=True, db_default='', verbose_name='error')),
                ('next_try_at', models.DateTimeField(null=True, verbose_name='next try')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'undecided fact',
                'verbose_name_plural': 'undecided facts',
                'indexes': [models.Index(fields=['retailer', 'occurred_at', 'id'], name='undecided_fact_by_time')],
                'constraints': [models.UniqueConstraint(fields=('kind', 'fact_id'), name='undecided_fact_once')],
            },
        ),
        own_rows_only('customers_undecidedfact'),
    ]
