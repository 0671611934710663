import analytics.paths.models
import analytics.uplift_runs.models
import customers.core.money
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from decimal import Decimal
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

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
NO_FUNCTIONS = """
DROP FUNCTION analytics_drop_values(bigint), analytics_close_values(bigint), analytics_open_values(bigint),
    analytics_require_own_run(bigint);
"""
TABLES = (
    "acquisitioncost",
    "auditrequest",
    "auditrun",
    "customerstatistics",
    "experimentlook",
    "funnel",
    "kpigoal",
    "kpireader",
    "kpisettings",
    "recommendationrun",
    "recommendationsettings",
    "segmentrun",
    "segmentsettings",
    "upliftrun",
    "upliftsettings",
    "valuerun",
)
# The values of a run are a partition of their own: the table that the operations above make, while it is empty.
BY_RUN = """
CREATE TABLE analytics_values_by_run (LIKE analytics_customervalue) PARTITION BY LIST (run_id);
DROP TABLE analytics_customervalue;
ALTER TABLE analytics_values_by_run RENAME TO analytics_customervalue;
ALTER TABLE analytics_customervalue ADD CONSTRAINT customer_value_once_per_run PRIMARY KEY (customer_id, run_id);
CREATE INDEX customer_value_by_id ON analytics_customervalue USING brin (id);
"""


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("analytics", "0012_funnels")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("experiments", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='RecommendationSettings',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='recommendation_settings', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('is_nightly', models.BooleanField(default=False, verbose_name='recommended anew every night')),
                ('excluded_categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, help_text='As orders name them, separated by commas. Empty for the usual ones: fuel, coupons, vouchers, gift cards, bags, deposits and what has no kind.', null=True, size=None, verbose_name='categories that are not recommended')),
            ],
            options={
                'verbose_name': 'settings of recommendations',
                'verbose_name_plural': 'settings of recommendations',
            },
        ),
        migrations.CreateModel(
            name='ValueRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('asked', 'waits'), ('running', 'running'), ('done', 'done'), ('refused', 'no prediction'), ('failed', 'failed')], max_length=10, verbose_name='status')),
                ('code', models.CharField(blank=True, editable=False, max_length=40, verbose_name='reason')),
                ('details', models.JSONField(default=dict, editable=False, verbose_name='figures of the reason')),
                ('author', models.CharField(blank=True, help_text='Nobody, where a night did.', max_length=150, verbose_name='asked by')),
                ('ran_at', models.DateTimeField(verbose_name='ran')),
                ('data_cut', models.DateField(blank=True, help_text='The last day with an order if empty.', null=True, verbose_name='data until')),
                ('calibration_cut', models.DateField(null=True, verbose_name='validated on time after')),
                ('horizon_days', models.PositiveIntegerField(default=365, verbose_name='horizon in days')),
                ('discount_rate', models.DecimalField(decimal_places=4, default=Decimal('0.10'), help_text='0.10 is 10 %.', max_digits=5, verbose_name='discount rate a year')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('margin_rate', models.DecimalField(decimal_places=4, max_digits=5, null=True, verbose_name='margin rate')),
                ('basis', models.CharField(choices=[('costs', "margin by the lines' costs"), ('costs_extended', "margin by the lines' costs, and by their share where there is none"), ('costs_and_rate', "margin by the lines' costs, and by the margin rate where there is none"), ('rate', 'margin by the margin rate'), ('revenue', 'net revenue, because no margin is known')], default='rate', max_length=20, verbose_name='basis of the values')),
                ('margin_share', models.FloatField(help_text='By which what is expected to be spent is multiplied.', null=True, verbose_name='margin per unit of revenue')),
                ('costed_share', models.FloatField(null=True, verbose_name='share of revenue whose costs are known')),
                ('model', models.CharField(blank=True, max_length=50, verbose_name='model')),
                ('factor', models.FloatField(help_text="By which the model's purchases are multiplied, from the latest origin.", null=True, verbose_name='factor')),
                ('parameters', models.JSONField(default=dict, help_text='Each with its standard error.', verbose_name='parameters')),
                ('held_out', models.JSONField(default=dict, verbose_name='errors on held-out time')),
                ('card', models.JSONField(default=dict, help_text='Tracking, calibration, frequencies, and what changed.', verbose_name='checks of the model')),
                ('customers', models.PositiveIntegerField(default=0, verbose_name='customers')),
                ('never_bought', models.PositiveIntegerField(default=0, verbose_name='customers who never bought')),
                ('total_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='predicted value of all')),
                ('total_low', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='at least')),
                ('total_high', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='at most')),
                ('differences', models.PositiveIntegerField(help_text='Customers whose statistics the orders did not confirm.', null=True, verbose_name='statistics that were wrong')),
                ('is_truncated', models.BooleanField(default=False, help_text="Many first purchases are of the data's first days.", verbose_name='history is cut off')),
                ('is_current', models.BooleanField(default=True, help_text='Others look at an earlier day, and are not written down.', verbose_name='of all data')),
                ('has_values', models.BooleanField(default=True, verbose_name='values are kept')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='value_runs', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'value run',
                'verbose_name_plural': 'value runs',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('horizon_days__range', (1, 3653))), name='run_looks_ahead_ten_years'),
                    models.CheckConstraint(condition=models.Q(('discount_rate__range', (0, 1))), name='run_discounts_by_a_share'),
                    models.CheckConstraint(condition=models.Q(('status__in', ('asked', 'failed')), ('data_cut__isnull', False), _connector='OR'), name='run_that_ran_has_a_cut'),
                ],
            },
        ),
        migrations.CreateModel(
            name='UpliftSettings',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='uplift_settings', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('member_codes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=20), blank=True, default=analytics.uplift_runs.models.member_codes, help_text='Of “identified by” in orders: those whose key exists only since the customer is a member, such as the program’s card. A payment card or an e-mail address would have linked the order without the program: leave them out.', size=None, verbose_name='codes that only members have')),
                ('is_nightly', models.BooleanField(default=False, help_text='Each night is one more look at the data, and is listed.', verbose_name='measured every night')),
                ('monthly_cost', customers.core.money.MoneyField(blank=True, decimal_places=4, help_text='Of staff, systems and messages: what is not in the program’s books.', max_digits=16, null=True, verbose_name='cost of running the program a month')),
            ],
            options={
                'verbose_name': 'settings of the uplift',
                'verbose_name_plural': 'settings of the uplift',
            },
        ),
        migrations.CreateModel(
            name='AuditRequest',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'request for a data audit',
                'verbose_name_plural': 'requests for data audits',
            },
        ),
        migrations.CreateModel(
            name='Funnel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(help_text='By which systems ask for it.', validators=[analytics.paths.models.not_shipped], verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('steps', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('message', 'message sent'), ('read', 'message read in the inbox'), ('visit', 'visit'), ('view', 'product view'), ('cart', 'cart left'), ('redemption', 'reward redeemed'), ('order', 'order placed'), ('kept_order', 'order kept'), ('delivery', 'delivery'), ('return', 'return'), ('support', 'contact with support'), ('review', 'review or photo'), ('survey', 'answer to a survey'), ('share', 'share'), ('event', 'event attended')], max_length=20), size=None, verbose_name='steps')),
                ('window_days', models.PositiveSmallIntegerField(default=7, help_text='Of 24 hours, from the first step on; what comes as it ends is too late.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(365)], verbose_name='window in days')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='funnels', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'funnel',
                'verbose_name_plural': 'funnels',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'code'), name='funnel_once_per_code'),
                    models.CheckConstraint(condition=models.Q(('code__in', ['visit-to-order', 'order-again', 'message-to-order', 'order-to-return', 'reward-to-order']), _negated=True), name='funnel_is_none_of_the_shipped'),
                    models.CheckConstraint(condition=models.Q(('steps__len__gte', 2), ('steps__len__lte', 8)), name='funnel_has_two_to_eight_steps'),
                    models.CheckConstraint(condition=models.Q(('steps__contained_by', ['message', 'read', 'visit', 'view', 'cart', 'redemption', 'order', 'kept_order', 'delivery', 'return', 'support', 'review', 'survey', 'share', 'event'])), name='funnel_has_known_steps'),
                    models.CheckConstraint(condition=models.Q(('window_days__gte', 1), ('window_days__lte', 365)), name='funnel_window_has_a_day'),
                ],
            },
        ),
        migrations.CreateModel(
            name='KpiGoal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kpi', models.CharField(choices=[('active_customers', 'Active customers'), ('new_customers', 'New customers'), ('retention', 'Retention'), ('churn', 'Churn'), ('repeat_rate', 'Repeat rate'), ('frequency', 'Purchase frequency'), ('average_order', 'Average order'), ('revenue', 'Revenue of known customers'), ('revenue_per_customer', 'Revenue per active customer'), ('profit_per_customer', 'Profit per active customer'), ('known_share', 'Share of sales that is known'), ('acquisition_cost', 'Cost of a new customer (CAC)'), ('payback', 'Payback of a new customer'), ('nps', 'Net promoter score (NPS)'), ('csat', 'Satisfaction (CSAT)'), ('redemption_rate', 'Redemption rate'), ('expiry_rate', 'Expired points (breakage)'), ('liability', 'Liability of points'), ('program_cost', 'Cost of the program'), ('program_return', 'Return on the program')], max_length=30, verbose_name='key figure')),
                ('per', models.CharField(choices=[('week', 'week'), ('month', 'month'), ('quarter', 'quarter'), ('year', 'year')], default='month', max_length=10, verbose_name='period')),
                ('target', models.DecimalField(decimal_places=4, help_text='Shares as in 0.35 for 35 %; amounts in the retailer’s currency.', max_digits=18, verbose_name='goal')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='kpi_goals', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'goal',
                'verbose_name_plural': 'goals',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'kpi', 'per'), name='one_goal_per_figure_and_period'),
                ],
            },
        ),
        migrations.CreateModel(
            name='KpiReader',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('language', models.CharField(choices=[('fr', 'Français'), ('en', 'English')], default='fr', max_length=2, verbose_name='language')),
                ('sent_for', models.DateField(editable=False, help_text='The Monday after the week that was told last.', null=True, verbose_name='last sent for')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='kpi_readers', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'reader of the weekly report',
                'verbose_name_plural': 'readers of the weekly report',
                'constraints': [
                    models.UniqueConstraint(models.F('retailer'), django.db.models.functions.text.Lower('email'), name='one_weekly_report_per_address'),
                ],
            },
        ),
        migrations.CreateModel(
            name='KpiSettings',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='kpi_settings', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('contact_cost', customers.core.money.MoneyField(blank=True, decimal_places=4, max_digits=16, null=True, verbose_name='cost of a contact with support')),
                ('return_cost', customers.core.money.MoneyField(blank=True, decimal_places=4, help_text='Beside what is paid back for it.', max_digits=16, null=True, verbose_name='cost of handling a return')),
            ],
            options={
                'verbose_name': 'costs of serving',
                'verbose_name_plural': 'costs of serving',
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('contact_cost__isnull', True), ('contact_cost__gte', 0), _connector='OR'), models.Q(('return_cost__isnull', True), ('return_cost__gte', 0), _connector='OR')), name='serving_costs_are_no_gain')],
            },
        ),
        migrations.CreateModel(
            name='RecommendationRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('asked', 'waits'), ('running', 'running'), ('done', 'done'), ('refused', 'nothing to recommend'), ('failed', 'failed')], default='asked', max_length=20, verbose_name='status')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='asked by')),
                ('data_cut', models.DateField(null=True, verbose_name='data until')),
                ('history_days', models.PositiveIntegerField(default=0, verbose_name='days of purchases')),
                ('customers', models.PositiveIntegerField(default=0, verbose_name='customers who bought')),
                ('consenting', models.PositiveIntegerField(default=0, verbose_name='of them allow a profile')),
                ('items', models.PositiveIntegerField(default=0, verbose_name='products')),
                ('excluded', models.JSONField(default=dict, help_text='How many products, by why.', verbose_name='left out')),
                ('verdicts', models.JSONField(default=dict, verbose_name='validation')),
                ('coverage', models.JSONField(default=dict, verbose_name='coverage')),
                ('code', models.CharField(blank=True, max_length=30, verbose_name='reason')),
                ('details', models.JSONField(default=dict, verbose_name='details')),
                ('step', models.CharField(blank=True, max_length=30, verbose_name='step')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recommendation_runs', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'recommendation run',
                'verbose_name_plural': 'recommendation runs',
                'indexes': [
                    models.Index(fields=['retailer', '-id'], name='recommendation_newest_first'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(models.Q(('status', 'done'), _negated=True), models.Q(('data_cut__isnull', False), models.Q(('verdicts', {}), _negated=True)), _connector='OR'), name='recommended_only_with_a_verdict'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SegmentRun',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='segments', serialize=False, to='analytics.valuerun', verbose_name='run')),
                ('data_cut', models.DateField(verbose_name='data until')),
                ('basis', models.CharField(choices=[('prediction', 'by prediction'), ('history', 'by what they bought so far')], max_length=10, verbose_name='basis')),
                ('thresholds', models.JSONField(verbose_name='thresholds')),
                ('unknown', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('serial_returner', 'serial returner'), ('seldom_buyer', 'visitor who seldom buys'), ('gift_buyer', 'gift buyer'), ('category_lover', 'category lover'), ('brand_lover', 'brand lover'), ('seasonal_buyer', 'seasonal buyer'), ('promotion_lover', 'promotion lover')], max_length=20), blank=True, default=list, help_text='Tags of which no order, return or visit tells anything.', size=None, verbose_name='not known')),
                ('customers', models.PositiveIntegerField(verbose_name='customers who bought')),
                ('never_bought', models.PositiveIntegerField(verbose_name='customers who never bought')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'assignment of segments',
                'verbose_name_plural': 'assignments of segments',
                'indexes': [
                    models.Index(fields=['retailer', '-data_cut'], name='segment_run_by_cut'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SegmentSize',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(choices=[('vip', 'VIP'), ('vip_at_risk', 'VIP at risk'), ('potential_loyal', 'potential loyal'), ('loyal_low_value', 'loyal of low value'), ('low_value_at_risk', 'low value at risk'), ('serial_returner', 'serial returner'), ('seldom_buyer', 'visitor who seldom buys'), ('gift_buyer', 'gift buyer'), ('category_lover', 'category lover'), ('brand_lover', 'brand lover'), ('seasonal_buyer', 'seasonal buyer'), ('promotion_lover', 'promotion lover'), ('never_bought', 'never bought'), ('new', 'new customer'), ('established', 'established'), ('overdue', 'overdue'), ('lost', 'lost')], max_length=20, verbose_name='name')),
                ('customers', models.PositiveIntegerField(verbose_name='customers')),
                ('historic_revenue', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='revenue to date')),
                ('predicted_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='predicted value')),
                ('value_if_active', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='value if active')),
                ('run', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='sizes', to='analytics.segmentrun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'size of a segment',
                'verbose_name_plural': 'sizes of segments',
                'constraints': [
                    models.UniqueConstraint(fields=('run', 'name'), name='segment_size_once_per_run'),
                ],
            },
        ),
        migrations.CreateModel(
            name='CustomerValue',
            fields=[
                ('id', models.BigIntegerField(editable=False, primary_key=True, serialize=False)),
                ('historic_revenue', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='revenue to date')),
                ('historic_margin', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='margin to date')),
                ('formula_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='value by formula')),
                ('predicted_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='predicted value')),
                ('value_low', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='at least')),
                ('value_high', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='at most')),
                ('value_if_active', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='value if active')),
                ('expected_purchases', models.FloatField(null=True, verbose_name='expected purchase days')),
                ('expected_order_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='expected value of a purchase day')),
                ('probability_active', models.FloatField(null=True, verbose_name='probability of being active')),
                ('probability_of_buying', models.FloatField(null=True, verbose_name='probability of buying within the horizon')),
                ('at_risk', models.BooleanField(null=True, verbose_name='at risk')),
                ('value_decile', models.PositiveSmallIntegerField(help_text='10 is the highest.', null=True, verbose_name='decile')),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='values', to='customers.customer', verbose_name='customer')),
                ('run', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='values', to='analytics.valuerun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'customer value',
                'verbose_name_plural': 'customer values',
                'constraints': [
                    models.UniqueConstraint(fields=('customer', 'run'), name='customer_value_once_per_run'),
                ],
            },
        ),
        migrations.CreateModel(
            name='CustomerSegment',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('segment', models.CharField(choices=[('vip', 'VIP'), ('vip_at_risk', 'VIP at risk'), ('potential_loyal', 'potential loyal'), ('loyal_low_value', 'loyal of low value'), ('low_value_at_risk', 'low value at risk')], max_length=20, verbose_name='segment')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('serial_returner', 'serial returner'), ('seldom_buyer', 'visitor who seldom buys'), ('gift_buyer', 'gift buyer'), ('category_lover', 'category lover'), ('brand_lover', 'brand lover'), ('seasonal_buyer', 'seasonal buyer'), ('promotion_lover', 'promotion lover')], max_length=20), blank=True, default=list, size=None, verbose_name='tags')),
                ('life_stage', models.CharField(choices=[('never_bought', 'never bought'), ('new', 'new customer'), ('established', 'established'), ('overdue', 'overdue'), ('lost', 'lost')], max_length=20, verbose_name='stage')),
                ('recency_score', models.PositiveSmallIntegerField(verbose_name='recency score')),
                ('frequency_score', models.PositiveSmallIntegerField(verbose_name='frequency score')),
                ('spend_score', models.PositiveSmallIntegerField(verbose_name='spend score')),
                ('favourite_category', models.CharField(blank=True, max_length=100, verbose_name='favourite category')),
                ('favourite_brand', models.CharField(blank=True, max_length=100, verbose_name='favourite brand')),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer', verbose_name='customer')),
                ('run', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='analytics.valuerun', verbose_name='run')),
            ],
            options={
                'verbose_name': 'customer’s segment',
                'verbose_name_plural': 'customers’ segments',
                'constraints': [
                    models.UniqueConstraint(fields=('customer', 'run'), name='customer_segment_once_per_run'),
                    models.CheckConstraint(condition=models.Q(('segment__in', ['vip', 'vip_at_risk', 'potential_loyal', 'loyal_low_value', 'low_value_at_risk'])), name='customer_segment_is_a_type'),
                    models.CheckConstraint(condition=models.Q(('life_stage__in', ['new', 'established', 'overdue', 'lost'])), name='customer_segment_has_a_stage'),
                    models.CheckConstraint(condition=models.Q(('frequency_score__range', (1, 5)), ('recency_score__range', (1, 5)), ('spend_score__range', (1, 5))), name='customer_segment_scores_are_fifths'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SegmentSettings',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='segment_settings', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('top_percent', models.PositiveIntegerField(default=20, help_text='Those who are worth most, by what they would bring if active.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(50)], verbose_name='VIPs, in % of buyers')),
                ('few_occasions', models.PositiveIntegerField(default=2, help_text='Who bought on so many days at most may still become loyal.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='few purchases')),
                ('first_year_days', models.PositiveIntegerField(default=365, help_text='Who first bought less than so many days ago may, too.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3650)], verbose_name='days of the first year')),
                ('new_days', models.PositiveIntegerField(default=90, help_text='Who first bought less than so many days ago is new.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3650)], verbose_name='days of being new')),
                ('lost_percent', models.PositiveIntegerField(default=10, help_text='Who is at risk, and will buy with a lower probability than that, is lost.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='lost below, in %')),
                ('overdue_gaps', models.PositiveIntegerField(default=2, help_text='Used where nothing could be predicted: who has waited longer than so many of its usual gaps is at risk.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='at risk after so many gaps')),
                ('lost_gaps', models.PositiveIntegerField(default=4, help_text='The same, for who is lost. Not fewer than for being at risk.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)], verbose_name='lost after so many gaps')),
                ('returned_percent', models.PositiveIntegerField(default=30, help_text='Of what a serial returner bought, by value, so much came back.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='returned, in %')),
                ('returns', models.PositiveIntegerField(default=3, help_text='And so many times at least.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)], verbose_name='returns')),
                ('visits_per_purchase', models.PositiveIntegerField(default=5, help_text='Of a visitor who seldom buys, so many or more.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10000)], verbose_name='visits per purchase')),
                ('gift_percent', models.PositiveIntegerField(default=50, help_text='Of a gift buyer’s orders, so many or more are gifts.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='gifts, in % of orders')),
                ('lover_percent', models.PositiveIntegerField(default=60, help_text='Who loves a category, or a brand, spends so much of it there.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='favourite, in % of spend')),
                ('lover_occasions', models.PositiveIntegerField(default=3, help_text='And bought on so many days at least.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)], verbose_name='purchases of a lover')),
                ('seasonal_percent', models.PositiveIntegerField(default=70, help_text='Of a seasonal buyer’s purchase days, so many are in one quarter of the year.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='seasonal, in % of purchase days')),
                ('seasonal_days', models.PositiveIntegerField(default=730, help_text='And it first bought so many days ago at least.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(3650)], verbose_name='days to see a season')),
                ('promotion_percent', models.PositiveIntegerField(default=60, help_text='Of a promotion lover’s orders, so many have a code or a discount.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='promotions, in % of orders')),
            ],
            options={
                'verbose_name': 'segments’ thresholds',
                'verbose_name_plural': 'segments’ thresholds',
                'constraints': [models.CheckConstraint(condition=models.Q(('gift_percent__range', (1, 100)), ('lost_percent__range', (1, 100)), ('lover_percent__range', (1, 100)), ('promotion_percent__range', (1, 100)), ('returned_percent__range', (1, 100)), ('seasonal_percent__range', (1, 100)), ('top_percent__range', (1, 100))), name='segment_shares_are_percents'), models.CheckConstraint(condition=models.Q(('lost_gaps__gte', models.F('overdue_gaps'))), name='segment_lost_after_overdue')],
            },
        ),
        migrations.CreateModel(
            name='UpliftRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('asked', 'waits'), ('running', 'running'), ('done', 'done'), ('refused', 'not measured'), ('cancelled', 'cancelled'), ('failed', 'failed')], default='asked', max_length=10, verbose_name='status')),
                ('code', models.CharField(blank=True, editable=False, max_length=40, verbose_name='reason')),
                ('details', models.JSONField(default=dict, editable=False, verbose_name='figures of the reason')),
                ('author', models.CharField(blank=True, help_text='Nobody, where a night did.', max_length=150, verbose_name='asked by')),
                ('plan', models.JSONField(default=dict, verbose_name='frozen plan')),
                ('plan_digest', models.CharField(blank=True, max_length=64, verbose_name='hash of the plan')),
                ('data_cut', models.DateField(blank=True, help_text='The last day with an order if empty.', null=True, verbose_name='data until')),
                ('known_at', models.DateTimeField(verbose_name='as recorded until')),
                ('code_version', models.CharField(max_length=40, verbose_name='version of the code')),
                ('seed', models.PositiveIntegerField(default=7, verbose_name='seed')),
                ('data_digest', models.CharField(blank=True, max_length=64, verbose_name='hash of the data')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('margin_basis', models.CharField(blank=True, choices=[('costs', 'margin by the lines’ costs'), ('costs_extended', 'margin by the lines’ costs, and by their share where there is none'), ('costs_and_rate', 'margin by the lines’ costs, and by the margin rate where there is none'), ('rate', 'margin by the margin rate'), ('none', 'no margin is known')], max_length=20, verbose_name='basis of the margin')),
                ('step', models.CharField(blank=True, max_length=30, verbose_name='step')),
                ('steps_done', models.PositiveIntegerField(default=0, verbose_name='done')),
                ('steps_total', models.PositiveIntegerField(default=0, verbose_name='of')),
                ('is_cancel_asked', models.BooleanField(default=False, verbose_name='to be cancelled')),
                ('result', models.JSONField(editable=False, null=True, verbose_name='result')),
                ('pictures', models.JSONField(default=dict, editable=False, verbose_name='event study')),
                ('worth', models.JSONField(editable=False, null=True, verbose_name='effect on value')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='uplift_runs', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'measurement of the uplift',
                'verbose_name_plural': 'measurements of the uplift',
                'indexes': [
                    models.Index(fields=['retailer', 'program', '-id'], name='uplift_run_newest_first'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(models.Q(('status', 'done'), _negated=True), ('result__isnull', False), _connector='OR'), name='uplift_done_has_a_result'),
                    models.CheckConstraint(condition=models.Q(models.Q(('status__in', ('running', 'done')), _negated=True), models.Q(models.Q(('plan_digest', ''), _negated=True), ('data_cut__isnull', False)), _connector='OR'), name='uplift_looks_only_by_a_frozen_plan'),
                ],
            },
        ),
        migrations.CreateModel(
            name='AcquisitionCost',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(help_text='As customers are acquired through it, such as search or leaflet.', max_length=50, verbose_name='channel')),
                ('month', models.DateField(help_text='Any day of it.', verbose_name='month')),
                ('amount', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='amount')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='acquisition_costs', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'acquisition cost',
                'verbose_name_plural': 'acquisition costs',
                'constraints': [models.UniqueConstraint(models.F('retailer'), models.F('month'), django.db.models.functions.text.Lower('channel'), name='acquisition_cost_once_per_month'), models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='acquisition_cost_never_negative'), models.CheckConstraint(condition=models.Q(('channel', ''), _negated=True), name='acquisition_cost_has_a_channel'), models.CheckConstraint(condition=models.Q(('month__day', 1)), name='acquisition_cost_of_a_whole_month')],
            },
        ),
        migrations.CreateModel(
            name='AuditRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('ran_at', models.DateTimeField(verbose_name='ran')),
                ('first_day', models.DateField(verbose_name='data since')),
                ('last_day', models.DateField(verbose_name='data until')),
                ('orders', models.PositiveIntegerField(verbose_name='orders')),
                ('customers', models.PositiveIntegerField(verbose_name='customers')),
                ('findings', models.JSONField(verbose_name='findings')),
                ('hours', models.JSONField(help_text='Of the day, on the retailer’s clock.', verbose_name='orders by hour')),
                ('months', models.JSONField(help_text='Month, orders, and those with a customer.', verbose_name='orders by month')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='audits', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'data audit',
                'verbose_name_plural': 'data audits',
                'indexes': [models.Index(fields=['retailer', '-id'], name='audit_newest_first')],
            },
        ),
        migrations.CreateModel(
            name='CustomerStatistics',
            fields=[
                ('customer', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='statistics', serialize=False, to='customers.customer', verbose_name='customer')),
                ('first_day', models.DateField(verbose_name='first purchase')),
                ('last_day', models.DateField(verbose_name='last purchase')),
                ('purchase_days', models.PositiveIntegerField(verbose_name='purchase days')),
                ('first_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='value of the first day')),
                ('total_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='net value')),
                ('returned_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='returned')),
                ('orders', models.PositiveIntegerField(verbose_name='orders')),
                ('costed_value', customers.core.money.MoneyField(db_default=0, decimal_places=4, default=0, max_digits=16, verbose_name='net value of lines with a cost')),
                ('cost', customers.core.money.MoneyField(db_default=0, decimal_places=4, default=0, max_digits=16, verbose_name='cost of these lines')),
                ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'customer statistics',
                'verbose_name_plural': 'customer statistics',
                'indexes': [models.Index(fields=['retailer', 'last_day'], name='statistics_by_last_day')],
                'constraints': [models.CheckConstraint(condition=models.Q(('purchase_days__gte', 1)), name='statistics_have_a_day'), models.CheckConstraint(condition=models.Q(('last_day__gte', models.F('first_day'))), name='statistics_end_after_they_begin')],
            },
        ),
        migrations.CreateModel(
            name='ExperimentLook',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('looked_at', models.DateTimeField(verbose_name='looked')),
                ('known_at', models.DateTimeField(verbose_name='as recorded until')),
                ('is_final', models.BooleanField(help_text='After the planned end. Looks before it only show what holds however often one looks.', verbose_name='final')),
                ('author', models.CharField(blank=True, help_text='Nobody, where a night did.', max_length=150, verbose_name='asked by')),
                ('plan_hash', models.CharField(max_length=64, verbose_name='hash of the plan')),
                ('data_digest', models.CharField(max_length=64, verbose_name='hash of the data')),
                ('code_version', models.CharField(max_length=40, verbose_name='version of the code')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('basis', models.CharField(choices=[('revenue', 'revenue'), ('costs', 'margin by the lines’ costs, and by their share where there is none'), ('costs_and_rate', 'margin by the lines’ costs, and by the margin rate where there is none'), ('rate', 'margin by the margin rate'), ('no_margin', 'revenue, because no margin is known')], max_length=20, verbose_name='what is measured')),
                ('numbers', models.JSONField(verbose_name='numbers')),
                ('experiment', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='looks', to='experiments.experiment', verbose_name='experiment')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'look at an experiment',
                'verbose_name_plural': 'looks at experiments',
                'indexes': [models.Index(fields=['experiment', '-id'], name='look_newest_first')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experimentlook',
            trigger=pgtrigger.compiler.Trigger(name='experiment_looks_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='67b1a19e1a32c0cec81b63b9f2526562d88bc0f3', operation='UPDATE OR DELETE', pgid='pgtrigger_experiment_looks_are_append_only_7145b', table='analytics_experimentlook', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='experimentlook',
            trigger=pgtrigger.compiler.Trigger(name='experiment_looks_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='c9e92950972ddcd36899854d9513aaaae2513d77', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_experiment_looks_never_truncated_3f170', table='analytics_experimentlook', when='BEFORE')),
        ),
        ]),
        migrations.RunSQL(BY_RUN, migrations.RunSQL.noop),
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        *(own_rows_only(f"analytics_{table}") for table in TABLES),
        own_rows_only("analytics_customersegment", through("analytics_valuerun", "run_id")),
        own_rows_only("analytics_customervalue", through("analytics_valuerun", "run_id")),
        own_rows_only("analytics_segmentsize", "EXISTS (SELECT 1 FROM analytics_segmentrun parent WHERE parent.run_id = analytics_segmentsize.run_id)"),
    ]
