from django.db import migrations

from customers.core.tenancy import own_rows_only, through


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0001_initial'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        own_rows_only('outbox_event'),
        own_rows_only('outbox_endpoint'),
        own_rows_only('outbox_delivery', through('outbox_event', 'event_id')),
    ]
