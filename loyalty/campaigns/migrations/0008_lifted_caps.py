"""Caps of discounts that are lifted stay, with who lifted them and when; of those in force there is one for each number of days."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("campaigns", "0007_moved_steps_and_released_addresses")]

    operations: ClassVar = [
        migrations.AddField(
            "discountcap",
            "lifted_by",
            models.CharField(blank=True, db_default="", editable=False, max_length=150, verbose_name="lifted by"),
        ),
        migrations.AddField(
            "discountcap", "lifted_at", models.DateTimeField(editable=False, null=True, verbose_name="lifted on")
        ),
        migrations.RemoveConstraint("discountcap", "discount_cap_once_per_window"),
        migrations.AddConstraint(
            "discountcap",
            models.UniqueConstraint(
                condition=models.Q(lifted_at=None),
                fields=("program", "days"),
                name="discount_cap_once_per_window",
            ),
        ),
    ]
