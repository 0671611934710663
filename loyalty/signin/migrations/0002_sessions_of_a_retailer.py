from django.db import migrations

from customers.core.tenancy import looked_up_by_nobody, own_rows_only


class Migration(migrations.Migration):
    dependencies = [("signin", "0001_initial")]

    operations = [own_rows_only("signin_membersession"), looked_up_by_nobody("signin_membersession")]
