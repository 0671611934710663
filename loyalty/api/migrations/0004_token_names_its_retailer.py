import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0003_ledger_scope'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        # Tokens live for hours, and the shop's backend asks for new ones.
        migrations.RunSQL('DELETE FROM api_membertoken', migrations.RunSQL.noop),
        migrations.AddField(
            model_name='membertoken',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer'),
            preserve_default=False,
        ),
    ]
