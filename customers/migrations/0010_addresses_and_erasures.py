from django.contrib.postgres.operations import AddConstraintNotValid, AddIndexConcurrently, ValidateConstraint
from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    atomic = False  # an index that is built, and a check that runs, while facts come in

    dependencies = [("customers", "0009_undecided_facts")]

    operations = [
        migrations.AddField(
            model_name='customer',
            name='erased_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='Since then this row says of nobody.', null=True, verbose_name='erased'),
        ),
        AddConstraintNotValid(
            model_name='customer',
            constraint=models.CheckConstraint(condition=models.Q(('erased_at', None), models.Q(('acquisition_channel', ''), ('birth_date', None), ('email', ''), ('first_name', ''), ('language', ''), ('last_name', ''), ('phone', '')), _connector='OR'), name='customer_erased_says_nothing'),
        ),
        ValidateConstraint("customer", "customer_erased_says_nothing"),
        AddIndexConcurrently(
            model_name='customer',
            index=models.Index('retailer', Lower('email'), condition=models.Q(('email', ''), _negated=True), name='customer_by_address'),
        ),
    ]
