from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [("outbox", "0005_what_endpoints_answer")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="position",
            field=models.BigIntegerField(
                editable=False, help_text="In which it was dispatched; later ones have larger ones.", null=True,
                verbose_name="position",
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(
                condition=models.Q(("position__isnull", False)), fields=["retailer", "position"], name="event_by_position"
            ),
        ),
        migrations.RunSQL("CREATE SEQUENCE outbox_event_position", "DROP SEQUENCE outbox_event_position"),
    ]
