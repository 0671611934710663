from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("outbox", "0001_squashed"),
    ]

    operations = [
        migrations.AddField(
            model_name="endpoint",
            name="older_secrets",
            field=models.JSONField(
                db_default=[],
                default=list,
                editable=False,
                help_text="Those before the former one that still sign, the newest first, and until when.",
                verbose_name="older secrets",
            ),
        ),
    ]
