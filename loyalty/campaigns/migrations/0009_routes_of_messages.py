"""A message on its way says by which way it went: another provider knows nothing of what it was given before."""

from typing import ClassVar

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies: ClassVar = [("campaigns", "0008_lifted_caps")]

    operations: ClassVar = [
        migrations.AddField(
            "message", "route", models.CharField(blank=True, db_default="", editable=False, max_length=16)
        ),
    ]
