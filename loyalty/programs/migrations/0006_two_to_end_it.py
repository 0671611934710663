from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('programs', '0005_versions_revision'),
    ]

    operations = [
        migrations.AddField(
            model_name='program',
            name='two_ends_asked_by',
            field=models.CharField(blank=True, editable=False, help_text='Who wants one person to be enough; a second one has to say so too.', max_length=150, verbose_name='asks to end it'),
        ),
    ]
