import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


# What decided an order is one value; of an order that came back as a whole nothing is kept; what was imported waits.
OCCASIONS = """
UPDATE activity_orderdecision SET occasion = jsonb_strip_nulls(jsonb_build_object(
    'multiplier', CASE WHEN multiplier <> 1 THEN trim_scale(multiplier)::text END,
    'tier', nullif(tier_code, ''), 'is_first', CASE WHEN is_first THEN true END));
UPDATE activity_orderdecision d SET is_kept = false WHERE NOT EXISTS (
    SELECT 1 FROM customers_orderline l WHERE l.order_id = d.order_id AND l.quantity > coalesce((
        SELECT sum(b.quantity) FROM customers_returnline b WHERE b.line_id = l.id), 0));
UPDATE activity_orderdecision d SET is_first = false WHERE is_first AND is_kept AND EXISTS (
    SELECT 1 FROM activity_orderdecision e WHERE e.membership_id = d.membership_id AND e.wallet_id = d.wallet_id
    AND e.is_first AND e.is_kept AND e.id < d.id);
INSERT INTO customers_undecidedfact (retailer_id, customer_id, kind, fact_id, occurred_at)
SELECT o.retailer_id, o.customer_id, 'order', o.id, o.occurred_at FROM customers_order o
JOIN memberships_membership m ON m.customer_id = o.customer_id AND m.enrolled_at <= o.occurred_at
WHERE NOT EXISTS (SELECT 1 FROM activity_orderdecision d WHERE d.order_id = o.id AND d.program_id = m.program_id)
ON CONFLICT DO NOTHING;
INSERT INTO customers_undecidedfact (retailer_id, customer_id, kind, fact_id, occurred_at)
SELECT r.retailer_id, o.customer_id, 'return', r.id, r.occurred_at FROM customers_return r
JOIN customers_order o ON o.id = r.order_id
JOIN memberships_membership m ON m.customer_id = o.customer_id AND m.enrolled_at <= o.occurred_at
WHERE NOT EXISTS (SELECT 1 FROM activity_returndecision d WHERE d.order_return_id = r.id AND d.program_id = m.program_id)
ON CONFLICT DO NOTHING;
INSERT INTO customers_undecidedfact (retailer_id, customer_id, kind, fact_id, occurred_at)
SELECT i.retailer_id, i.customer_id, 'interaction', i.id, i.occurred_at FROM customers_interaction i
JOIN memberships_membership m ON m.customer_id = i.customer_id AND m.enrolled_at <= i.occurred_at
WHERE NOT EXISTS (
    SELECT 1 FROM activity_interactiondecision d WHERE d.interaction_id = i.id AND d.program_id = m.program_id)
ON CONFLICT DO NOTHING;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('activity', '0006_tier_of_the_order'),
        ('customers', '0009_undecided_facts'),
        ('memberships', '0004_clock_and_periods'),
        ('points', '0013_shortfalls_and_days'),
        ('programs', '0004_audit_and_withdrawal'),
    ]

    operations = [
        migrations.CreateModel(
            name='SetAside',
            fields=[
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='set_aside', serialize=False, to='memberships.membership', verbose_name='member')),
                ('what', models.CharField(help_text='What was to be carried out.', max_length=200, verbose_name='what')),
                ('error', models.TextField(verbose_name='error')),
                ('attempts', models.PositiveIntegerField(default=1, verbose_name='attempts')),
                ('first_failed_at', models.DateTimeField(verbose_name='failed first')),
                ('next_try_at', models.DateTimeField(verbose_name='next try')),
            ],
            options={
                'verbose_name': 'member set aside',
                'verbose_name_plural': 'members set aside',
            },
        ),
        migrations.RemoveField(
            model_name='versionstart',
            name='version',
        ),
        migrations.AddField(
            model_name='nightrun',
            name='members',
            field=models.PositiveIntegerField(db_default=0, default=0, verbose_name='members advanced'),
        ),
        migrations.AddField(
            model_name='nightrun',
            name='until',
            field=models.DateTimeField(help_text='The last instant to which time was carried out.', null=True, verbose_name='advanced to'),
        ),
        migrations.AddField(
            model_name='orderdecision',
            name='is_kept',
            field=models.BooleanField(db_default=True, default=True, help_text='Something of it is left.', verbose_name='kept'),
        ),
        migrations.AddField(
            model_name='orderdecision',
            name='occasion',
            field=models.JSONField(db_default={}, default=dict, help_text='What besides the basket decided what it earned.', verbose_name='occasion'),
        ),
        migrations.RunSQL(OCCASIONS, migrations.RunSQL.noop),
        migrations.RemoveField(model_name='orderdecision', name='multiplier'),
        migrations.RemoveField(model_name='orderdecision', name='tier_code'),
        migrations.AlterField(
            model_name='nightrun',
            name='day',
            field=models.DateField(help_text='The day up to whose runs members were advanced.', verbose_name='day'),
        ),
        migrations.AlterField(
            model_name='nightrun',
            name='moved',
            field=models.PositiveIntegerField(default=0, verbose_name='changes of tier'),
        ),
        migrations.AddConstraint(
            model_name='orderdecision',
            constraint=models.UniqueConstraint(condition=models.Q(('is_first', True), ('is_kept', True)), fields=('membership', 'wallet'), name='order_first_once_per_member'),
        ),
        migrations.AddField(
            model_name='setaside',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.DeleteModel(
            name='VersionStart',
        ),
        own_rows_only('activity_setaside'),
    ]
