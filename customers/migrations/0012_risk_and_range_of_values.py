import customers.core.money
from django.db import migrations, models

MONEY = customers.core.money.MoneyField


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0011_erasures'),
    ]

    operations = [
        migrations.RenameField('insight', 'expected_orders', 'expected_purchases'),
        migrations.AddField('insight', 'historic_margin', MONEY('margin to date', null=True, max_digits=16, decimal_places=4)),
        migrations.AddField('insight', 'value_low', MONEY('at least', null=True, max_digits=16, decimal_places=4, help_text='Nine of ten customers bring what is in the range.')),
        migrations.AddField('insight', 'value_high', MONEY('at most', null=True, max_digits=16, decimal_places=4)),
        migrations.AddField('insight', 'value_if_active', MONEY('value if active', null=True, max_digits=16, decimal_places=4, help_text='What it would be if it has not left.')),
        migrations.AddField('insight', 'expected_order_value', MONEY('expected value of a purchase day', null=True, max_digits=16, decimal_places=4)),
        migrations.AddField('insight', 'probability_of_buying', models.FloatField('probability of buying within the horizon', null=True)),
        migrations.AddField('insight', 'at_risk', models.BooleanField('at risk', null=True, help_text='Buying again has become much less probable since the last purchase.')),
        migrations.AddConstraint(
            model_name='insight',
            constraint=models.CheckConstraint(condition=models.Q(('probability_of_buying__isnull', True), ('probability_of_buying__range', (0, 1)), _connector='OR'), name='insight_chance_is_one'),
        ),
        migrations.AddConstraint(
            model_name='insight',
            constraint=models.CheckConstraint(condition=models.Q(('value_low__isnull', True), ('value_high__gte', models.F('value_low')), _connector='OR'), name='insight_range_in_order'),
        ),
    ]
