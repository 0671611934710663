import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):
    atomic = False  # a check that runs while facts come in

    dependencies = [
        ('customers', '0010_addresses_and_erasures'),
    ]

    operations = [
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_by', models.CharField(choices=[('person', 'the person'), ('retailer', 'the retailer’s system'), ('staff', 'staff')], max_length=10, verbose_name='asked by')),
                ('author', models.CharField(blank=True, help_text='Who of the staff.', max_length=150, verbose_name='author')),
                ('reason', models.CharField(help_text="Without the person's name.", max_length=100, verbose_name='reason')),
                ('erased_at', models.DateTimeField(verbose_name='erased')),
            ],
            options={
                'verbose_name': 'erasure',
                'verbose_name_plural': 'erasures',
            },
        ),
        migrations.RemoveConstraint(
            model_name='customer',
            name='customer_erased_says_nothing',
        ),
        AddConstraintNotValid(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('erased_at', None), models.Q(('birth_date', None), ('email', ''), ('first_name', ''), ('language', ''), ('last_name', ''), ('phone', '')), _connector='OR'), name='customer_erased_says_nothing'),
        ),
        ValidateConstraint("customer", "customer_erased_says_nothing"),
        migrations.AddField(
            model_name='erasure',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='erasures', to='customers.customer', verbose_name='customer'),
        ),
        migrations.AddField(
            model_name='erasure',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddConstraint(
            model_name='erasure',
            constraint=models.UniqueConstraint(fields=('customer',), name='customer_erased_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='erasure',
            trigger=pgtrigger.compiler.Trigger(name='erasures_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4662f115b6298d63e8eae7e4e11a35d7ea0dacf2', operation='UPDATE OR DELETE', pgid='pgtrigger_erasures_are_append_only_0423e', table='customers_erasure', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='erasure',
            trigger=pgtrigger.compiler.Trigger(name='erasures_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='8daeaf258919acc49dd8b210a94645a02ea5d159', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_erasures_never_truncated_9759b', table='customers_erasure', when='BEFORE')),
        ),
        own_rows_only("customers_erasure"),
    ]
