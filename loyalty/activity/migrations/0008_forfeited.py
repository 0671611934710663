from typing import Any, ClassVar

from django.db import migrations, models

# What a membership had bought that has ended since was forfeited with it.
FORFEITED = """
UPDATE activity_orderdecision d SET is_forfeited = true FROM memberships_membership m, customers_order o
WHERE m.id = d.membership_id AND o.id = d.order_id AND d.version_id IS NOT NULL AND d.id > %s AND d.id <= %s
    AND (m.left_at IS NOT NULL OR o.occurred_at < m.enrolled_at)
"""
BATCH = 10_000


def mark(_apps: Any, schema_editor: Any) -> None:
    """Mark decisions a batch at a time, so that nobody waits for all of them."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(max(id), 0) FROM activity_orderdecision")
        (last,) = cursor.fetchone()
        for first in range(0, last, BATCH):
            cursor.execute(FORFEITED, [first, first + BATCH])


class Migration(migrations.Migration):
    atomic = False
    dependencies: ClassVar = [("activity", "0007_one_occasion_and_set_aside"), ("memberships", "0005_merged")]
    operations: ClassVar = [
        migrations.AddField(
            model_name="orderdecision",
            name="is_forfeited",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="What it gave ended with the membership.",
                verbose_name="forfeited",
            ),
        ),
        migrations.RunPython(mark, migrations.RunPython.noop),
    ]
