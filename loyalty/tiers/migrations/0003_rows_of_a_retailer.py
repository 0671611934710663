from django.db import migrations

from customers.core.tenancy import own_rows_only, through


class Migration(migrations.Migration):

    dependencies = [
        ('tiers', '0002_days_by_wallet'),
        ('points', '0005_rows_of_a_retailer'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        own_rows_only('tiers_standing'),
        own_rows_only('tiers_tierchange'),
        own_rows_only('tiers_qualifyingday', through('points_wallet', 'wallet_id')),
        own_rows_only('tiers_tierpolicy', through('programs_programversion', 'version_id')),
        own_rows_only('tiers_tier', through('programs_programversion', 'version_id')),
    ]
