from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('tiers', '0009_identities_and_protection'),
    ]

    operations = [
        migrations.AddField(
            model_name='tierchange',
            name='protected_until',
            field=models.DateField(help_text='The first day on which the tier before could have been lost: the end of a period or of a grace.', null=True, verbose_name='protected until'),
        ),
    ]
