import customers.core.money
from django.db import migrations, models

# To a numeric without a scale: nothing is rewritten, and what is stored keeps its digits. The checks that look at the columns
# would be run over the whole table under the lock, so they are taken away, put back unchecked, and validated afterwards.
MONEY, PRICE = "numeric(14, 2)", "numeric(16, 6)"
BEFORE = {
    "customers_order": {"net_amount": MONEY, "shipping_amount": MONEY, "paid_with_points": MONEY},
    "customers_orderline": {"net_amount": MONEY, "discount": MONEY, "unit_price": PRICE, "unit_cost": PRICE},
    "customers_return": {"net_amount": MONEY},
    "customers_returnline": {"net_amount": MONEY},
}
CHECKS = {
    "customers_order": {
        "order_amount_never_negative": "net_amount >= 0",
        "order_shipping_never_negative": "shipping_amount >= 0",
        "order_paid_with_points_within_amount": "paid_with_points >= 0 AND paid_with_points <= net_amount",
    },
    "customers_orderline": {
        "order_line_amount_never_negative": "net_amount >= 0",
        "order_line_discount_never_negative": "discount >= 0",
    },
    "customers_return": {"return_amount_never_negative": "net_amount >= 0"},
    "customers_returnline": {},
}
BOUNDS = {
    "customers_order": {"order_amounts_within_bounds": "net_amount < 1000000000000 AND shipping_amount < 1000000000000"},
    "customers_orderline": {"order_line_amounts_within_bounds": "discount < 1000000000000 AND net_amount < 1000000000000"},
}


def changes(table: str, columns: dict[str, str], dropped: dict[str, str], added: dict[str, str]) -> str:
    actions = [f"DROP CONSTRAINT {name}" for name in dropped]
    actions += [f"ALTER COLUMN {column} TYPE {kind}" for column, kind in columns.items()]
    actions += [f"ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID" for name, condition in added.items()]
    return f"ALTER TABLE {table} {', '.join(actions)};"


def validation(table: str, checks: dict[str, str]) -> str:
    return "".join(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name};" for name in checks)


def steps() -> list[migrations.RunSQL]:
    """Return two statements a table: a short lock, then a check that lets others write. Backwards, more decimals are rounded."""
    found = []
    for table, old in CHECKS.items():
        new = old | BOUNDS.get(table, {})
        exact = dict.fromkeys(BEFORE[table], "numeric")
        found.append(migrations.RunSQL(changes(table, exact, old, new), changes(table, BEFORE[table], new, old)))
        if new:
            found.append(migrations.RunSQL(validation(table, new), migrations.RunSQL.noop))
    return found


class Migration(migrations.Migration):
    atomic = False  # each statement ends its lock

    dependencies = [("customers", "0005_own_retailer_only")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=steps(),
            state_operations=[
                migrations.AlterField(
                    model_name='order',
                    name='net_amount',
                    field=customers.core.money.MoneyField(decimal_places=4, help_text='Sum of the lines after discounts, without shipping.', max_digits=16, verbose_name='net amount'),
                ),
                migrations.AlterField(
                    model_name='order',
                    name='paid_with_points',
                    field=customers.core.money.MoneyField(decimal_places=4, default=0, help_text="The part of the lines' amounts that was paid with points.", max_digits=16, verbose_name='paid with points'),
                ),
                migrations.AlterField(
                    model_name='order',
                    name='shipping_amount',
                    field=customers.core.money.MoneyField(decimal_places=4, default=0, max_digits=16, verbose_name='shipping'),
                ),
                migrations.AlterField(
                    model_name='orderline',
                    name='discount',
                    field=customers.core.money.MoneyField(decimal_places=4, default=0, max_digits=16, verbose_name='discount'),
                ),
                migrations.AlterField(
                    model_name='orderline',
                    name='net_amount',
                    field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='net amount'),
                ),
                migrations.AlterField(
                    model_name='orderline',
                    name='unit_cost',
                    field=customers.core.money.PriceField(blank=True, decimal_places=6, max_digits=21, null=True, verbose_name='unit cost'),
                ),
                migrations.AlterField(
                    model_name='orderline',
                    name='unit_price',
                    field=customers.core.money.PriceField(decimal_places=6, max_digits=21, verbose_name='unit price'),
                ),
                migrations.AlterField(
                    model_name='return',
                    name='net_amount',
                    field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='net amount'),
                ),
                migrations.AlterField(
                    model_name='returnline',
                    name='net_amount',
                    field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='net amount'),
                ),
                migrations.AddConstraint(
                    model_name='order',
                    constraint=models.CheckConstraint(condition=models.Q(('net_amount__lt', 1000000000000), ('shipping_amount__lt', 1000000000000)), name='order_amounts_within_bounds'),
                ),
                migrations.AddConstraint(
                    model_name='orderline',
                    constraint=models.CheckConstraint(condition=models.Q(('discount__lt', 1000000000000), ('net_amount__lt', 1000000000000)), name='order_line_amounts_within_bounds'),
                ),
            ],
        ),
        migrations.AlterField(
            model_name='customer',
            name='acquisition_cost',
            field=customers.core.money.MoneyField(blank=True, decimal_places=4, max_digits=16, null=True, verbose_name='acquisition cost'),
        ),
        migrations.AlterField(
            model_name='insight',
            name='formula_value',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='value by formula'),
        ),
        migrations.AlterField(
            model_name='insight',
            name='historic_revenue',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='revenue to date'),
        ),
        migrations.AlterField(
            model_name='insight',
            name='predicted_value',
            field=customers.core.money.MoneyField(decimal_places=4, help_text='Net margin over the horizon.', max_digits=16, null=True, verbose_name='predicted value'),
        ),
        migrations.AlterField(
            model_name='customer',
            name='identified_at',
            field=models.DateTimeField(help_text='The earliest instant at which this customer is known to have bought or come.', verbose_name='first identified'),
        ),
        migrations.AlterField(
            model_name='retailer',
            name='currency',
            field=customers.core.money.CurrencyField(default='EUR', help_text='ISO 4217 code, such as EUR.', max_length=3, validators=[customers.core.money.validate_currency], verbose_name='currency'),
        ),
    ]
