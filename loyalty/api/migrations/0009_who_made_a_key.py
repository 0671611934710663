from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0008_scopes_of_webhooks'),
    ]

    operations = [
        migrations.AddField(
            model_name='retailerkey',
            name='made_by',
            field=models.CharField(blank=True, editable=False, help_text='For whom it stands where two must agree.', max_length=150, verbose_name='made by'),
        ),
        migrations.AlterField(
            model_name='membertoken',
            name='expires_at',
            field=models.DateTimeField(db_index=True, verbose_name='expires'),
        ),
    ]
