from django.db import migrations

from customers.core.tenancy import own_rows_only, through


class Migration(migrations.Migration):

    dependencies = [
        ('programs', '0002_timeline'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        own_rows_only('programs_program'),
        own_rows_only('programs_programversion', through('programs_program', 'program_id')),
    ]
