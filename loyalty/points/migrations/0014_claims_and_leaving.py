

import customers.core.money
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0009_undecided_facts'),
        ('points', '0013_shortfalls_and_days'),
        ('programs', '0005_versions_revision'),
    ]

    operations = [
        migrations.AddField(
            model_name='lot',
            name='claimed',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Of what is held: goes to a return when the hold ends.', verbose_name='claimed'),
        ),
        migrations.AlterField(
            model_name='closedmonth',
            name='deferred',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=24, verbose_name='deferred revenue'),
        ),
        migrations.AlterField(
            model_name='closedmonth',
            name='liability',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=24, verbose_name='liability'),
        ),
        migrations.AlterField(
            model_name='closedmonth',
            name='value',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=24, verbose_name='value'),
        ),
        migrations.AlterField(
            model_name='entry',
            name='kind',
            field=models.CharField(choices=[('earn', 'earned'), ('activate', 'became active'), ('expire', 'expired'), ('return', 'taken back for a return'), ('repay', 'repaid what was owed'), ('hold', 'held for a payment'), ('redeem', 'redeemed'), ('release', 'released'), ('restore', 'given back'), ('adjust', 'adjusted by staff'), ('transfer', 'transferred'), ('leave', 'forfeited on leaving')], max_length=10, verbose_name='kind'),
        ),
        migrations.AddConstraint(
            model_name='lot',
            constraint=models.CheckConstraint(condition=models.Q(('claimed__gte', 0)), name='lot_claimed_never_negative'),
        ),
    ]
