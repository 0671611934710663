import customers.core.money
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only

# Each lot that was transferred before leads to the first one, however many transfers are between.
ORIGINS = """
WITH RECURSIVE came AS (
    SELECT id, from_lot_id AS origin_id FROM points_lot WHERE from_lot_id IS NOT NULL
    UNION ALL
    SELECT came.id, given.from_lot_id FROM came JOIN points_lot given ON given.id = came.origin_id
    WHERE given.from_lot_id IS NOT NULL
)
UPDATE points_lot l SET origin_id = came.origin_id
FROM came JOIN points_lot first ON first.id = came.origin_id AND first.from_lot_id IS NULL WHERE l.id = came.id
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0005_own_retailer_only'),
        ('points', '0010_exact_amounts'),
        ('programs', '0004_audit_and_withdrawal'),
    ]

    operations = [
        migrations.CreateModel(
            name='AllocatedPrice',
            fields=[
                ('lot', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='allocated_price', serialize=False, to='points.lot', verbose_name='lot')),
                ('price', models.DecimalField(decimal_places=12, max_digits=28, verbose_name='price')),
            ],
            options={
                'verbose_name': 'allocated price',
                'verbose_name_plural': 'allocated prices',
            },
        ),
        migrations.CreateModel(
            name='ClosedMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wallet', models.SlugField(verbose_name='wallet')),
                ('month', models.DateField(help_text='Its first day.', verbose_name='month')),
                ('ends_at', models.DateTimeField(help_text='The first instant after it.', verbose_name='ends')),
                ('closed_at', models.DateTimeField(verbose_name='closed')),
                ('entries', models.BigIntegerField(help_text='That were recorded in it.', verbose_name='entries')),
                ('occurred_through', models.DateTimeField(help_text='The last instant at which anything of it or before occurred.', null=True, verbose_name='occurred through')),
                ('point_value', models.DecimalField(decimal_places=6, max_digits=12, verbose_name='value of a point')),
                ('redeemed_share', models.DecimalField(decimal_places=4, help_text='Empty: by history.', max_digits=5, null=True, verbose_name='expected share redeemed')),
                ('pending', models.BigIntegerField(verbose_name='pending')),
                ('available', models.BigIntegerField(verbose_name='available')),
                ('held', models.BigIntegerField(verbose_name='held')),
                ('expected', models.DecimalField(decimal_places=4, max_digits=24, verbose_name='expected to be redeemed')),
                ('value', customers.core.money.MoneyField(decimal_places=2, max_digits=24, verbose_name='value')),
                ('liability', customers.core.money.MoneyField(decimal_places=2, max_digits=24, verbose_name='liability')),
                ('deferred', customers.core.money.MoneyField(decimal_places=2, max_digits=24, verbose_name='deferred revenue')),
                ('cohorts', models.JSONField(verbose_name='by month of earning')),
                ('ends', models.JSONField(help_text='Points redeemed, expired and taken back, by age in months.', verbose_name='ends by age')),
                ('lines', models.JSONField(verbose_name='journal')),
            ],
            options={
                'verbose_name': 'closed month',
                'verbose_name_plural': 'closed months',
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='lot',
            name='lots_keep_their_terms',
        ),
        migrations.AddField(
            model_name='lot',
            name='origin',
            field=models.ForeignKey(db_constraint=False, db_index=False, editable=False, help_text='From which it came by one transfer or several.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.lot', verbose_name='first lot'),
        ),
        migrations.RunSQL(ORIGINS, migrations.RunSQL.noop),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_lead_to_their_origin', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."from_lot_id" IS NOT NULL OR NEW."origin_id" IS NOT NULL)', declare='DECLARE first_lot uuid;', func="\nSELECT coalesce(given.origin_id, given.id) INTO first_lot FROM points_lot given WHERE given.id = NEW.from_lot_id;\nIF first_lot IS NULL OR NEW.origin_id <> first_lot THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot transfer a lot of another origin';\nEND IF;\nNEW.origin_id = first_lot;\nRETURN NEW;\n", hash='390fd98bd98e368566c437a3b3cb00d1efa36156', operation='INSERT', pgid='pgtrigger_lots_lead_to_their_origin_7654d', table='points_lot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_keep_their_terms', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot change the terms of a lot';", hash='10615c2278ec9540bb70f6b20b52c2ca291688cd', operation='UPDATE OF "retailer_id", "wallet_id", "order_id", "version_id", "rule_id", "from_lot_id", "origin_id", "amount", "earned_at", "awaits", "slides"', pgid='pgtrigger_lots_keep_their_terms_6e955', table='points_lot', when='BEFORE')),
        ),
        migrations.AddField(
            model_name='allocatedprice',
            name='retailer',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddField(
            model_name='closedmonth',
            name='program',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='closed_months', to='programs.program', verbose_name='program'),
        ),
        migrations.AddField(
            model_name='closedmonth',
            name='retailer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='allocatedprice',
            trigger=pgtrigger.compiler.Trigger(name='allocated_prices_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7a380a81dbd7f0474b19400627b98ada62d67487', operation='UPDATE OR DELETE', pgid='pgtrigger_allocated_prices_are_append_only_3763d', table='points_allocatedprice', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='allocatedprice',
            trigger=pgtrigger.compiler.Trigger(name='allocated_prices_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='b4bb92b001cfb2f947a093d49d02ed2c4af14447', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_allocated_prices_never_truncated_27d18', table='points_allocatedprice', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='closedmonth',
            constraint=models.UniqueConstraint(fields=('program', 'wallet', 'month'), name='month_closed_once'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closedmonth',
            trigger=pgtrigger.compiler.Trigger(name='closed_months_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='a6c84744c2d8bea3e54ffeae139cea9ea4b8324f', operation='UPDATE OR DELETE', pgid='pgtrigger_closed_months_are_append_only_ac344', table='points_closedmonth', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closedmonth',
            trigger=pgtrigger.compiler.Trigger(name='closed_months_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='d92d8bc07ae6d4d6c913e78876d7233e71bdb842', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_closed_months_never_truncated_55b8b', table='points_closedmonth', when='BEFORE')),
        ),
        own_rows_only('points_closedmonth'),
        own_rows_only('points_allocatedprice'),
    ]
