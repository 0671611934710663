"""Plans of members who were merged before are with those who stay; an invoice that is paid once more has a row for that."""

from django.db import migrations, models

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
        migrations.AlterField(
            model_name="invoice",
            name="kind",
            field=models.CharField(
                choices=[
                    ("first", "first period"),
                    ("renewal", "renewal"),
                    ("change", "change of plan"),
                    ("ending", "ended early"),
                    ("second", "paid once more"),
                ],
                max_length=8,
                verbose_name="kind",
            ),
        ),
        migrations.RunSQL(MOVE, migrations.RunSQL.noop),
    ]
