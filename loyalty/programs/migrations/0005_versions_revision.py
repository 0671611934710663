from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('programs', '0004_audit_and_withdrawal'),
    ]

    operations = [
        migrations.RenameField(model_name='program', old_name='timeline', new_name='versions_revision'),
    ]
