from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("api", "0001_squashed"),
    ]

    operations = [
        migrations.AddField(
            model_name="idempotencyrecord",
            name="acted_for",
            field=models.BigIntegerField(help_text="The id of the retailer whose caller was answered.", null=True),
        ),
        migrations.AddField(
            model_name="idempotencyrecord",
            name="customer",
            field=models.UUIDField(help_text="The id of the shopper who was answered, by a token.", null=True),
        ),
    ]
