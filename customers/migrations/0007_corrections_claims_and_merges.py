import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):
    dependencies = [("customers", "0006_exact_amounts")]

    operations = [
        migrations.CreateModel(
            name='CustomerMerge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(help_text="The retailer's own proof.", max_length=100, verbose_name='reference')),
                ('merged_at', models.DateTimeField(verbose_name='merged at')),
            ],
            options={
                'verbose_name': 'merge of customers',
                'verbose_name_plural': 'merges of customers',
            },
        ),
        migrations.CreateModel(
            name='OrderClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(help_text="The retailer's own proof.", max_length=100, verbose_name='reference')),
                ('claimed_at', models.DateTimeField(verbose_name='claimed')),
            ],
            options={
                'verbose_name': 'claim of an order',
                'verbose_name_plural': 'claims of orders',
            },
        ),
        migrations.CreateModel(
            name='OrderRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(help_text='Of this content; 0 is the first report.', verbose_name='version')),
                ('content', models.JSONField(help_text='The order with its lines; amounts are texts.', verbose_name='content')),
                ('content_hash', models.BinaryField(max_length=16)),
                ('replaced_at', models.DateTimeField(verbose_name='replaced')),
            ],
            options={
                'verbose_name': 'earlier content of an order',
                'verbose_name_plural': 'earlier contents of orders',
            },
        ),
        migrations.AddField(
            model_name='customer',
            name='merged_into',
            field=models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='aliases', to='customers.customer', verbose_name='merged into'),
        ),
        migrations.AddField(
            model_name='order',
            name='version',
            field=models.PositiveIntegerField(db_default=0, default=0, help_text='Of the last correction; 0 before the first one.', verbose_name='version'),
        ),
        migrations.AddField(
            model_name='customermerge',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddField(
            model_name='customermerge',
            name='source',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer', verbose_name='merged'),
        ),
        migrations.AddField(
            model_name='customermerge',
            name='target',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merges', to='customers.customer', verbose_name='into'),
        ),
        migrations.AddField(
            model_name='orderclaim',
            name='customer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='customers.customer', verbose_name='customer'),
        ),
        migrations.AddField(
            model_name='orderclaim',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='customers.order', verbose_name='order'),
        ),
        migrations.AddField(
            model_name='orderclaim',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddField(
            model_name='orderrevision',
            name='order',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='customers.order', verbose_name='order'),
        ),
        migrations.AddField(
            model_name='orderrevision',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddConstraint(
            model_name='customermerge',
            constraint=models.UniqueConstraint(fields=('source',), name='customer_merged_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='customermerge',
            trigger=pgtrigger.compiler.Trigger(name='customer_merges_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b30b457f657b88bcfeaeb728b8f18f45e337ccc4', operation='UPDATE OR DELETE', pgid='pgtrigger_customer_merges_are_append_only_ce360', table='customers_customermerge', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='customermerge',
            trigger=pgtrigger.compiler.Trigger(name='customer_merges_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='99ac1f366a3dc430fa420120609ed39804dd2e36', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_customer_merges_never_truncated_7fae0', table='customers_customermerge', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='orderclaim',
            constraint=models.UniqueConstraint(fields=('order',), name='order_claimed_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderclaim',
            trigger=pgtrigger.compiler.Trigger(name='order_claims_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4c14530d64190cb94cfd10d4f1ae1de87e6d3552', operation='UPDATE OR DELETE', pgid='pgtrigger_order_claims_are_append_only_090e5', table='customers_orderclaim', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderclaim',
            trigger=pgtrigger.compiler.Trigger(name='order_claims_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='903a7ac655e860061ab2cb8ab4050ec1fd6a9baf', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_order_claims_never_truncated_accc6', table='customers_orderclaim', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='orderrevision',
            constraint=models.UniqueConstraint(fields=('order', 'version'), name='order_revision_once_per_version'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderrevision',
            trigger=pgtrigger.compiler.Trigger(name='order_revisions_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6a006b36675a576ade9e8495af2a661d923fa448', operation='UPDATE OR DELETE', pgid='pgtrigger_order_revisions_are_append_only_ead70', table='customers_orderrevision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderrevision',
            trigger=pgtrigger.compiler.Trigger(name='order_revisions_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='5f61ec2cdf2800e6023e70347ff389bf3d493e4e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_order_revisions_never_truncated_c293e', table='customers_orderrevision', when='BEFORE')),
        ),
        own_rows_only("customers_customermerge"),
        own_rows_only("customers_orderclaim"),
        own_rows_only("customers_orderrevision"),
    ]
