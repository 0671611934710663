from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

from customers.models.customer import Digits


class Migration(migrations.Migration):
    atomic = False  # an index that is built while customers are reported

    dependencies = [("customers", "0014_segments")]

    operations = [
        AddIndexConcurrently(
            model_name="customer",
            index=models.Index(
                models.F("retailer"),
                Digits("phone"),
                condition=models.Q(("phone", ""), _negated=True),
                name="customer_by_phone",
            ),
        ),
    ]
