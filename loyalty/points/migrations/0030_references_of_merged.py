from django.db import migrations, models

# What members used who were merged: the one who stays does not use it again. What both used stays the latter's own.
TAKE_OVER = """
INSERT INTO points_spendingreference (retailer_id, membership_id, reference, points)
SELECT s.retailer_id, m.merged_into_id, s.reference, s.points
FROM points_spendingreference s JOIN memberships_membership m ON m.id = s.membership_id AND m.merged_into_id IS NOT NULL
WHERE EXISTS (
    SELECT 1 FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
    WHERE w.membership_id = s.membership_id AND e.kind = 'redeem' AND e.explanation->>'reference' = s.reference
) OR NOT EXISTS (
    SELECT 1 FROM points_wallet w JOIN points_hold h ON h.wallet_id = w.id
    WHERE w.membership_id = s.membership_id AND h.reference = s.reference
)
ORDER BY s.id
ON CONFLICT (membership_id, reference) DO NOTHING;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('memberships', '0005_merged'),
        ('points', '0029_lots_with_their_points'),
    ]

    operations = [
        migrations.AlterField(
            model_name='spendingreference',
            name='reference',
            field=models.CharField(max_length=190, verbose_name='reference'),
        ),
        migrations.RunSQL(TAKE_OVER, migrations.RunSQL.noop),
    ]
