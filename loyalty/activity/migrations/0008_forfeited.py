from django.db import migrations, models

# What a membership had bought that has ended since was forfeited with it.
FORFEITED = """
UPDATE activity_orderdecision d SET is_forfeited = true FROM memberships_membership m, customers_order o
WHERE m.id = d.membership_id AND o.id = d.order_id AND d.version_id IS NOT NULL
    AND (m.left_at IS NOT NULL OR o.occurred_at < m.enrolled_at);
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('activity', '0007_one_occasion_and_set_aside'),
        ('memberships', '0005_merged'),
    ]

    operations = [
        migrations.AddField(
            model_name='orderdecision',
            name='is_forfeited',
            field=models.BooleanField(db_default=False, default=False, help_text='What it gave ended with the membership.', verbose_name='forfeited'),
        ),
        migrations.RunSQL(FORFEITED, migrations.RunSQL.noop),
    ]
