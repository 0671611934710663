"""Steps and texts change places in one transaction, in any order; an address says since when it takes messages again."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("campaigns", "0006_receipt_of_an_address")]

    operations: ClassVar = [
        migrations.RemoveConstraint("step", "step_once_per_position"),
        migrations.AddConstraint(
            "step",
            models.UniqueConstraint(
                deferrable=models.Deferrable.DEFERRED, fields=("version", "position"), name="step_once_per_position"
            ),
        ),
        migrations.RemoveConstraint("steptext", "text_once_per_language"),
        migrations.AddConstraint(
            "steptext",
            models.UniqueConstraint(
                deferrable=models.Deferrable.DEFERRED,
                fields=("step", "channel", "language"),
                name="text_once_per_language",
            ),
        ),
        migrations.AddField(
            "address",
            "released_at",
            models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Since then it takes messages again: what refused it before is not counted.",
                null=True,
                verbose_name="takes messages again since",
            ),
        ),
    ]
