from django.db import migrations

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('memberships', '0002_households'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        own_rows_only('memberships_membership'),
        own_rows_only('memberships_household'),
        own_rows_only('memberships_householdmember'),
    ]
