import customers.core.money
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0009_undecided_facts'),
        ('memberships', '0004_clock_and_periods'),
        ('points', '0012_entries_by_recording'),
        ('tiers', '0008_exact_amounts'),
        ('programs', '0004_audit_and_withdrawal'),
    ]

    operations = [
        # The days that limits and tiers count belong to the wallets that earned: the table comes from the tiers' app.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'ALTER TABLE tiers_qualifyingday RENAME TO points_qualifyingday',
                    'ALTER TABLE points_qualifyingday RENAME TO tiers_qualifyingday',
                ),
            ],
            state_operations=[
                migrations.CreateModel(
                    name='QualifyingDay',
                    fields=[
                        ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                        ('on_date', models.DateField(verbose_name='day')),
                        ('spend', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='spent')),
                        ('points', models.BigIntegerField(verbose_name='earned')),
                        ('orders', models.IntegerField(db_default=0, default=0, verbose_name='orders')),
                        ('visits', models.IntegerField(db_default=0, default=0, verbose_name='visits')),
                        ('wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.wallet', verbose_name='wallet')),
                    ],
                    options={
                        'verbose_name': 'qualifying day',
                        'verbose_name_plural': 'qualifying days',
                        'constraints': [models.UniqueConstraint(fields=('wallet', 'on_date'), name='qualifying_day_once_per_day')],
                    },
                ),
            ],
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='lot',
            name='lots_keep_their_terms',
        ),
        migrations.RemoveConstraint(
            model_name='lot',
            name='lot_without_a_date_awaits_an_event',
        ),
        migrations.RenameField(model_name='lot', old_name='awaits', new_name='activation_event'),
        migrations.RenameField(model_name='lot', old_name='slides', new_name='expires_on_inactivity'),
        migrations.AddField(
            model_name='entry',
            name='shortfall_change',
            field=models.BigIntegerField(db_default=0, default=0, verbose_name='change of shortfall'),
        ),
        migrations.AlterField(
            model_name='lot',
            name='activation_event',
            field=models.SlugField(blank=True, help_text='The event of its order that makes it active.', verbose_name='activation event'),
        ),
        migrations.AlterField(
            model_name='lot',
            name='expires_on_inactivity',
            field=models.BooleanField(default=False, verbose_name='expires on inactivity'),
        ),
        migrations.AddField(
            model_name='lot',
            name='is_lent',
            field=models.BooleanField(db_default=False, default=False, help_text='By its household, for one payment; it goes back with it.', verbose_name='lent'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='shortfall',
            field=models.BigIntegerField(db_default=0, default=0, help_text='What returns could not take and is not owed: points that come back settle it first.', verbose_name='shortfall'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_keep_their_terms', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot change the terms of a lot';", hash='13c74a904fe58a202706100cc53733e8a1267fb3', operation='UPDATE OF "retailer_id", "wallet_id", "order_id", "version_id", "rule_id", "from_lot_id", "origin_id", "amount", "earned_at", "activation_event", "expires_on_inactivity", "is_lent"', pgid='pgtrigger_lots_keep_their_terms_6e955', table='points_lot', when='BEFORE')),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('active_at__isnull', False), models.Q(('activation_event', ''), _negated=True), _connector='OR'), name='lot_without_a_date_awaits_an_event'),
        ),
        migrations.AddConstraint(
            model_name='wallet',
            constraint=models.CheckConstraint(condition=models.Q(('shortfall__gte', 0)), name='wallet_shortfall_never_negative'),
        ),
    ]
