from django.db import migrations

from customers.core.tenancy import looked_up_by_nobody, own_rows_only

TABLES = ("api_retailerkey", "api_membertoken")


class Migration(migrations.Migration):
    dependencies = [("api", "0009_who_made_a_key")]

    operations = [
        *(own_rows_only(table) for table in TABLES),
        *(looked_up_by_nobody(table) for table in TABLES),
    ]
