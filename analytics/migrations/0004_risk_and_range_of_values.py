import customers.core.money
from django.db import migrations, models

MONEY = customers.core.money.MoneyField


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0003_exact_amounts'),
    ]

    operations = [
        migrations.RenameField('customervalue', 'expected_orders', 'expected_purchases'),
        migrations.RenameField('customervalue', 'historic_value', 'historic_margin'),
        migrations.AlterField('customervalue', 'historic_margin', MONEY('margin to date', max_digits=16, decimal_places=4)),
        migrations.AddField('customervalue', 'value_low', MONEY('at least', null=True, max_digits=16, decimal_places=4)),
        migrations.AddField('customervalue', 'value_high', MONEY('at most', null=True, max_digits=16, decimal_places=4)),
        migrations.AddField('customervalue', 'value_if_active', MONEY('value if active', null=True, max_digits=16, decimal_places=4)),
        migrations.AddField('customervalue', 'probability_of_buying', models.FloatField('probability of buying within the horizon', null=True)),
        migrations.AddField('customervalue', 'at_risk', models.BooleanField('at risk', null=True)),
    ]
