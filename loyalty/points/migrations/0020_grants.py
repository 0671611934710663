import customers.core.ids
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0009_undecided_facts'),
        ('memberships', '0005_merged'),
        ('points', '0019_moved_lots'),
        ('programs', '0005_versions_revision'),
    ]

    operations = [
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('source', models.SlugField(help_text='What asked for it, such as referrals.', max_length=20, verbose_name='source')),
                ('wallet', models.SlugField(verbose_name='wallet')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('cause', models.CharField(help_text='What it is for; once per member.', max_length=150, verbose_name='cause')),
                ('said', models.JSONField(default=dict, verbose_name='explanation')),
                ('occurred_at', models.DateTimeField(help_text='As of when it is decided.', verbose_name='earned')),
                ('pending_days', models.PositiveSmallIntegerField(default=0, verbose_name='days pending')),
                ('is_again', models.BooleanField(default=False, verbose_name='given again')),
                ('asked_at', models.DateTimeField(verbose_name='asked for')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('given', models.BigIntegerField(help_text='Given or, of what is taken back, taken.', null=True, verbose_name='points moved')),
                ('reason', models.CharField(blank=True, help_text='Why nothing was given.', max_length=30, verbose_name='reason')),
            ],
            options={
                'verbose_name': 'grant',
                'verbose_name_plural': 'grants',
            },
        ),
        migrations.AddField(
            model_name='grant',
            name='membership',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='memberships.membership', verbose_name='member'),
        ),
        migrations.AddField(
            model_name='grant',
            name='retailer',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddField(
            model_name='grant',
            name='takes_back',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='taken_back', to='points.grant', verbose_name='takes back'),
        ),
        migrations.AddField(
            model_name='grant',
            name='version',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.programversion', verbose_name='version'),
        ),
        migrations.AddField(
            model_name='lot',
            name='grant',
            field=models.ForeignKey(db_constraint=False, db_index=False, help_text='What gave it where no order did, such as a referral’s reward.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='points.grant', verbose_name='grant'),
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='lot',
            name='lots_keep_their_terms',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_keep_their_terms', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot change the terms of a lot';", hash='3df96616936eb58d6fd0697d2a8cfa2bfd7ceb38', operation='UPDATE OF "retailer_id", "wallet_id", "order_id", "version_id", "rule_id", "from_lot_id", "origin_id", "amount", "earned_at", "activation_event", "expires_on_inactivity", "is_lent", "grant_id"', pgid='pgtrigger_lots_keep_their_terms_6e955', table='points_lot', when='BEFORE')),
        ),
        migrations.AddIndex(
            model_name='grant',
            index=models.Index(condition=models.Q(('decided_at__isnull', True)), fields=['membership'], name='grant_waiting'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.UniqueConstraint(fields=('membership', 'cause'), name='grant_once_per_cause'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='grant_points_positive'),
        ),
        migrations.AddConstraint(
            model_name='grant',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('given__isnull', True)), models.Q(('decided_at__isnull', False), ('given__gte', 0)), _connector='OR'), name='grant_decided_says_what_it_gave'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grant',
            trigger=pgtrigger.compiler.Trigger(name='grants_are_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='8d81b23ff14235827de2d6152743919e73067c06', operation='DELETE', pgid='pgtrigger_grants_are_never_deleted_debd4', table='points_grant', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grant',
            trigger=pgtrigger.compiler.Trigger(name='grants_are_decided_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."decided_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot change a grant that was decided';", hash='7e701fc7bb9366625777a7aabe2d9f661ffc7ee1', operation='UPDATE', pgid='pgtrigger_grants_are_decided_once_c5b94', table='points_grant', when='BEFORE')),
        ),
        own_rows_only('points_grant'),
    ]
