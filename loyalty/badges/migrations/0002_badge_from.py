from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("badges", "0001_squashed")]

    operations = [
        migrations.AddField(
            model_name="challengeaward",
            name="badge_from",
            field=models.UUIDField(editable=False, null=True),
        ),
    ]
