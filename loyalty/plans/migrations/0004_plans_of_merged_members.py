"""Plans of members who were merged before are with those who stay, as those who are merged from now on."""

from django.db import migrations

MOVE = """
UPDATE plans_subscription s SET membership_id = m.merged_into_id FROM memberships_membership m
WHERE m.id = s.membership_id AND m.merged_into_id IS NOT NULL
"""


class Migration(migrations.Migration):
    dependencies = [
        ("plans", "0003_tries_and_bounds"),
        ("memberships", "0005_merged"),
    ]

    operations = [
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
    ]
