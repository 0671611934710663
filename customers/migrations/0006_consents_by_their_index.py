"""
What a customer agreed to last is answered by the index alone, in the order of `NEWEST_FIRST`.

It is asked of each recipient before each message: of a million members, whose rows lie far apart, it cost a third as much. The
former index answers until the new one is there, and consents are written meanwhile.
"""

from typing import ClassVar

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies: ClassVar = [("customers", "0005_persons_by_address")]
    operations: ClassVar = [
        migrations.RenameIndex("consent", new_name="consent_newest_first_before", old_name="consent_newest_first"),
        AddIndexConcurrently(
            "consent",
            models.Index(fields=["customer", "purpose", "-occurred_at", "granted"], name="consent_newest_first"),
        ),
        RemoveIndexConcurrently("consent", "consent_newest_first_before"),
    ]
