from django.db import migrations

from customers.core.tenancy import own_rows_only, through


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0001_initial'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        own_rows_only('analytics_customerstatistics'),
        own_rows_only('analytics_valuerun'),
        own_rows_only('analytics_customervalue', through('analytics_valuerun', 'run_id')),
    ]
