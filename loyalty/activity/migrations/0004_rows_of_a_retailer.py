from django.db import migrations

from customers.core.tenancy import own_rows_only, through


class Migration(migrations.Migration):

    dependencies = [
        ('activity', '0003_interactions_and_wallets'),
        ('programs', '0003_rows_of_a_retailer'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        own_rows_only('activity_orderdecision'),
        own_rows_only('activity_returndecision'),
        own_rows_only('activity_interactiondecision'),
        own_rows_only('activity_nightrun', through('programs_program', 'program_id')),
    ]
