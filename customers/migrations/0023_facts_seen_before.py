from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0022_held_reviews'),
    ]

    operations = [
        migrations.AddField(
            model_name='undecidedfact',
            name='is_again',
            field=models.BooleanField(db_default=False, default=False, help_text='It was looked at as it was told, and waits for a program that has not decided it.', verbose_name='seen before'),
        ),
    ]
