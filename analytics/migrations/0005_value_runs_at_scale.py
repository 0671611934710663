from decimal import Decimal

import customers.core.money
import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import POLICY, through


REASONS = """
UPDATE analytics_valuerun SET code = 'text', details = jsonb_build_object('text', reason) WHERE reason <> ''
"""
REASONS_BACK = """
UPDATE analytics_valuerun SET reason = coalesce(details ->> 'text', code)
"""
# What a run says is written into a table of its own, by COPY, and attached when it is whole. Only the owner can do this, so
# these functions do, for runs of the retailer for which the session acts. The application may insert into a table that is
# being written, and reads nothing but through the whole, whose policy says what it sees.
FUNCTIONS = """
CREATE FUNCTION analytics_require_own_run(run bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    acting text := coalesce(current_setting('app.retailer', true), '');
BEGIN
    PERFORM 1 FROM public.analytics_valuerun r WHERE r.id = run AND (acting = '*' OR acting = r.retailer_id::text);
    IF NOT FOUND THEN
        RAISE insufficient_privilege USING MESSAGE = format('run %s is not of the retailer of this session', run);
    END IF;
END $$;

CREATE FUNCTION analytics_open_values(run bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    part text := format('analytics_customervalue_%s', run);
    caller text := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
BEGIN
    PERFORM public.analytics_require_own_run(run);
    EXECUTE format('DROP TABLE IF EXISTS public.%I', part);
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.analytics_customervalue, CONSTRAINT values_of_one_run CHECK (run_id = %s))',
        part, run
    );
    EXECUTE format('REVOKE ALL ON public.%I FROM PUBLIC, loyalty_app', part);
    EXECUTE format('GRANT INSERT ON public.%I TO %I', part, caller);
END $$;

CREATE FUNCTION analytics_close_values(run bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET maintenance_work_mem = '256MB' AS $$
DECLARE
    part text := format('analytics_customervalue_%s', run);
    caller text := CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role') END;
BEGIN
    PERFORM public.analytics_require_own_run(run);
    EXECUTE format('REVOKE ALL ON public.%I FROM %I', part, caller);
    EXECUTE format(
        'ALTER TABLE public.%I ADD CONSTRAINT customer_value_once_per_run_%s PRIMARY KEY (customer_id, run_id)', part, run
    );
    EXECUTE format('CREATE INDEX ON public.%I USING brin (id)', part);
    EXECUTE format('ALTER TABLE public.%I ENABLE ROW LEVEL SECURITY', part);
    EXECUTE format('ALTER TABLE public.analytics_customervalue ATTACH PARTITION public.%I FOR VALUES IN (%s)', part, run);
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT values_of_one_run', part);
    EXECUTE format('ANALYZE public.%I', part);
END $$;

CREATE FUNCTION analytics_drop_values(run bigint) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM public.analytics_require_own_run(run);
    EXECUTE format('DROP TABLE IF EXISTS public.%I', format('analytics_customervalue_%s', run));
END $$;

REVOKE ALL ON FUNCTION analytics_require_own_run(bigint), analytics_open_values(bigint), analytics_close_values(bigint),
    analytics_drop_values(bigint) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION analytics_open_values(bigint), analytics_close_values(bigint), analytics_drop_values(bigint)
    TO loyalty_app;
"""
COLUMNS = (
    'historic_revenue, historic_margin, formula_value, predicted_value, value_low, value_high, value_if_active, '
    'expected_order_value, expected_purchases, probability_active, probability_of_buying, value_decile, at_risk'
)
TABLE = """
CREATE TABLE analytics_customervalue (
    id bigint NOT NULL, run_id bigint NOT NULL, customer_id uuid NOT NULL, historic_revenue numeric NOT NULL,
    historic_margin numeric NOT NULL, formula_value numeric, predicted_value numeric, value_low numeric,
    value_high numeric, value_if_active numeric, expected_order_value numeric, expected_purchases double precision,
    probability_active double precision, probability_of_buying double precision, value_decile smallint, at_risk boolean
"""
PARTITIONED = f"""
ALTER TABLE analytics_customervalue RENAME TO analytics_customervalue_before;
ALTER TABLE analytics_customervalue_before DROP CONSTRAINT customer_value_once_per_run;
{TABLE}, CONSTRAINT customer_value_once_per_run PRIMARY KEY (customer_id, run_id)) PARTITION BY LIST (run_id);
CREATE INDEX customer_value_by_id ON analytics_customervalue USING brin (id);
{POLICY.format(table='analytics_customervalue', own=through('analytics_valuerun', 'run_id'))}
SELECT set_config('app.retailer', '*', true);
DO $$
DECLARE
    run bigint;
BEGIN
    FOR run IN SELECT DISTINCT run_id FROM analytics_customervalue_before LOOP
        PERFORM analytics_open_values(run);
        EXECUTE format(
            'INSERT INTO analytics_customervalue_%s (id, run_id, customer_id, {COLUMNS})'
            ' SELECT (run_id << 32) + row_number() OVER (ORDER BY id), run_id, customer_id, {COLUMNS}'
            ' FROM analytics_customervalue_before WHERE run_id = %s', run, run
        );
        PERFORM analytics_close_values(run);
    END LOOP;
    UPDATE analytics_valuerun r SET has_values = EXISTS (
        SELECT 1 FROM analytics_customervalue_before b WHERE b.run_id = r.id);
END $$;
DROP TABLE analytics_customervalue_before;
"""
WHOLE = f"""
ALTER TABLE analytics_customervalue RENAME TO analytics_customervalue_parts;
ALTER TABLE analytics_customervalue_parts DROP CONSTRAINT customer_value_once_per_run;
{TABLE.replace('id bigint NOT NULL,', 'id bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,').replace('formula_value numeric,', 'formula_value numeric NOT NULL DEFAULT 0,')}, CONSTRAINT customer_value_once_per_run UNIQUE (run_id, customer_id));
{POLICY.format(table='analytics_customervalue', own=through('analytics_valuerun', 'run_id'))}
INSERT INTO analytics_customervalue (run_id, customer_id, {COLUMNS})
    SELECT run_id, customer_id, {COLUMNS.replace('formula_value', 'coalesce(formula_value, 0)')} FROM analytics_customervalue_parts;
DROP TABLE analytics_customervalue_parts;
CREATE INDEX ON analytics_customervalue (customer_id);
ALTER TABLE analytics_customervalue ADD FOREIGN KEY (run_id) REFERENCES analytics_valuerun DEFERRABLE INITIALLY DEFERRED,
    ADD FOREIGN KEY (customer_id) REFERENCES customers_customer DEFERRABLE INITIALLY DEFERRED;
"""
NO_FUNCTIONS = """
DROP FUNCTION analytics_drop_values(bigint), analytics_close_values(bigint), analytics_open_values(bigint),
    analytics_require_own_run(bigint);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0004_risk_and_range_of_values'),
        ('customers', '0013_lines_with_costs'),
    ]

    operations = [
        migrations.AddField(
            model_name='customerstatistics',
            name='cost',
            field=customers.core.money.MoneyField(db_default=0, decimal_places=4, default=0, max_digits=16, verbose_name='cost of these lines'),
        ),
        migrations.AddField(
            model_name='customerstatistics',
            name='costed_value',
            field=customers.core.money.MoneyField(db_default=0, decimal_places=4, default=0, max_digits=16, verbose_name='net value of lines with a cost'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='basis',
            field=models.CharField(choices=[('costs', "margin by the lines' costs"), ('costs_extended', "margin by the lines' costs, and by their share where there is none"), ('costs_and_rate', "margin by the lines' costs, and by the margin rate where there is none"), ('rate', 'margin by the margin rate'), ('revenue', 'net revenue, because no margin is known')], default='rate', max_length=20, verbose_name='basis of the values'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='card',
            field=models.JSONField(default=dict, help_text='Tracking, calibration, frequencies, and what changed.', verbose_name='checks of the model'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='code',
            field=models.CharField(blank=True, editable=False, max_length=40, verbose_name='reason'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='details',
            field=models.JSONField(default=dict, editable=False, verbose_name='figures of the reason'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='differences',
            field=models.PositiveIntegerField(help_text='Customers whose statistics the orders did not confirm.', null=True, verbose_name='statistics that were wrong'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='factor',
            field=models.FloatField(help_text="By which the model's purchases are multiplied, from the latest origin.", null=True, verbose_name='factor'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='costed_share',
            field=models.FloatField(null=True, verbose_name='share of revenue whose costs are known'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='is_current',
            field=models.BooleanField(default=True, help_text='Others look at an earlier day, and are not written down.', verbose_name='of all data'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='has_values',
            field=models.BooleanField(default=True, verbose_name='values are kept'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='is_truncated',
            field=models.BooleanField(default=False, help_text="Many first purchases are of the data's first days.", verbose_name='history is cut off'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='margin_share',
            field=models.FloatField(help_text='By which what is expected to be spent is multiplied.', null=True, verbose_name='margin per unit of revenue'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='never_bought',
            field=models.PositiveIntegerField(default=0, verbose_name='customers who never bought'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='total_high',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='at most'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='total_low',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='at least'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='total_value',
            field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='predicted value of all'),
        ),
        migrations.AlterField(
            model_name='customerstatistics',
            name='customer',
            field=models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='statistics', serialize=False, to='customers.customer', verbose_name='customer'),
        ),
        migrations.AlterField(
            model_name='customerstatistics',
            name='retailer',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddField(
            model_name='valuerun',
            name='author',
            field=models.CharField(blank=True, help_text='Nobody, where a night did.', max_length=150, verbose_name='asked by'),
        ),
        migrations.AlterField(
            model_name='valuerun',
            name='data_cut',
            field=models.DateField(blank=True, help_text='The last day with an order if empty.', null=True, verbose_name='data until'),
        ),
        migrations.AlterField(
            model_name='valuerun',
            name='discount_rate',
            field=models.DecimalField(decimal_places=4, default=Decimal('0.10'), help_text='0.10 is 10 %.', max_digits=5, verbose_name='discount rate a year'),
        ),
        migrations.AlterField(
            model_name='valuerun',
            name='horizon_days',
            field=models.PositiveIntegerField(default=365, verbose_name='horizon in days'),
        ),
        migrations.AlterField(
            model_name='valuerun',
            name='status',
            field=models.CharField(choices=[('asked', 'waits'), ('running', 'running'), ('done', 'done'), ('refused', 'no prediction'), ('failed', 'failed')], max_length=10, verbose_name='status'),
        ),
        migrations.AddConstraint(
            model_name='valuerun',
            constraint=models.CheckConstraint(condition=models.Q(('horizon_days__range', (1, 3653))), name='run_looks_ahead_ten_years'),
        ),
        migrations.AddConstraint(
            model_name='valuerun',
            constraint=models.CheckConstraint(condition=models.Q(('discount_rate__range', (0, 1))), name='run_discounts_by_a_share'),
        ),
        migrations.AddConstraint(
            model_name='valuerun',
            constraint=models.CheckConstraint(condition=models.Q(('status__in', ('asked', 'failed')), ('data_cut__isnull', False), _connector='OR'), name='run_that_ran_has_a_cut'),
        ),
        migrations.RunSQL(REASONS, REASONS_BACK),
        migrations.RemoveField(
            model_name='valuerun',
            name='reason',
        ),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(PARTITIONED, WHOLE)],
            [
                migrations.RemoveConstraint(
                    model_name='customervalue',
                    name='customer_value_once_per_run',
                ),
                migrations.AlterField(
                    model_name='customervalue',
                    name='customer',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='values', to='customers.customer', verbose_name='customer'),
                ),
                migrations.AlterField(
                    model_name='customervalue',
                    name='formula_value',
                    field=customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='value by formula'),
                ),
                migrations.AlterField(
                    model_name='customervalue',
                    name='id',
                    field=models.BigIntegerField(editable=False, primary_key=True, serialize=False),
                ),
                migrations.AlterField(
                    model_name='customervalue',
                    name='run',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='values', to='analytics.valuerun', verbose_name='run'),
                ),
                migrations.AddConstraint(
                    model_name='customervalue',
                    constraint=models.UniqueConstraint(fields=('customer', 'run'), name='customer_value_once_per_run'),
                ),
            ],
        ),
    ]
