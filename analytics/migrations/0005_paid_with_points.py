import customers.core.money
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0004_running_costs"),
    ]

    # Rows of before know nothing of points: the night that counts them anew finds and mends them.
    operations = [
        migrations.AddField(
            model_name="customerstatistics",
            name="paid_with_points",
            field=customers.core.money.MoneyField(
                db_default=0, decimal_places=4, default=0, max_digits=16, verbose_name="kept and paid with points"
            ),
        ),
        migrations.AlterField(
            model_name="customerstatistics",
            name="costed_value",
            field=customers.core.money.MoneyField(
                db_default=0,
                decimal_places=4,
                default=0,
                max_digits=16,
                verbose_name="value of lines with a cost, however paid",
            ),
        ),
        migrations.AlterField(
            model_name="valuerun",
            name="costed_share",
            field=models.FloatField(null=True, verbose_name="share of sales whose costs are known"),
        ),
    ]
