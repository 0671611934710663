import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only

# What was redeemed or held before; of two that shared a name the earlier one has it.
FILL = """
INSERT INTO points_spendingreference (retailer_id, membership_id, reference, points)
SELECT w.retailer_id, w.membership_id, u.reference, u.points FROM (
    SELECT wallet_id, reference, points, held_at AS used_at FROM points_hold
    UNION ALL
    SELECT wallet_id, explanation->>'reference', (explanation->>'points')::bigint, recorded_at FROM points_entry
    WHERE kind = 'redeem' AND cause = 'redeem:' || (explanation->>'reference')
) u JOIN points_wallet w ON w.id = u.wallet_id ORDER BY u.used_at
ON CONFLICT (membership_id, reference) DO NOTHING;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0009_undecided_facts'),
        ('memberships', '0004_clock_and_periods'),
        ('points', '0016_what_keeps_points'),
    ]

    operations = [
        migrations.CreateModel(
            name='SpendingReference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=80, verbose_name='reference')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='spending_references', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'reference of a redemption',
                'verbose_name_plural': 'references of redemptions',
                'constraints': [models.UniqueConstraint(fields=('membership', 'reference'), name='spending_reference_once_per_member')],
            },
        ),
        migrations.AlterField(
            model_name='hold',
            name='reference',
            field=models.CharField(help_text="The caller's own; once per member.", max_length=80, verbose_name='reference'),
        ),
        migrations.RunSQL(FILL, migrations.RunSQL.noop),
        own_rows_only('points_spendingreference'),
    ]
