import customers.core.ids
import customers.core.money
import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

TABLES = (
    "invoice",
    "invoiceline",
    "paymentnotice",
    "planchange",
    "refund",
    "subscription",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("plans", "0005_arms")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='PaidPlan',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text='Its identity from version to version.')),
                ('code', models.SlugField(help_text='May be renamed: members keep the plan.', verbose_name='code')),
                ('name', models.CharField(max_length=50, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=50, verbose_name='name in French')),
                ('rank', models.PositiveSmallIntegerField(default=0, help_text='From the smallest, 0, to the largest.', verbose_name='place')),
                ('price', customers.core.money.MoneyField(decimal_places=4, help_text='Of a period, in the retailer’s currency.', max_digits=16, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10000000000)], verbose_name='price')),
                ('period', models.CharField(choices=[('month', 'month'), ('year', 'year')], default='month', max_length=5, verbose_name='period')),
                ('trial_days', models.PositiveSmallIntegerField(default=0, help_text='Before the first period that is paid, once per member; 0 for none.', validators=[django.core.validators.MaxValueValidator(366)], verbose_name='days of trial')),
                ('grace_days', models.PositiveSmallIntegerField(default=7, help_text='For so many days from the day on which a period begins its benefits go on while it is not paid.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(27)], verbose_name='days of grace')),
                ('retry_days', models.PositiveSmallIntegerField(default=2, help_text='After a payment failed it is tried again after so many days, as long as the grace lasts.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(27)], verbose_name='days between tries')),
                ('multiplier', models.DecimalField(decimal_places=3, default=1, help_text='Of earned points, on top of the tier’s: 1.5 is half again as much.', max_digits=6, validators=[django.core.validators.MinValueValidator(0)], verbose_name='multiplier')),
                ('free_shipping', models.BooleanField(default=False, verbose_name='free shipping')),
                ('early_access', models.BooleanField(default=False, verbose_name='early access')),
                ('benefits', models.TextField(blank=True, help_text='One per line, as members read them.', verbose_name='benefits')),
                ('benefits_fr', models.TextField(blank=True, verbose_name='benefits in French')),
                ('perks_cost', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='What its benefits besides points cost you in a period, by your own estimate.', max_digits=16, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(10000000000)], verbose_name='cost of the perks')),
                ('arms', models.JSONField(blank=True, default=dict, help_text='Of an experiment, such as double-points: A, B; empty for everybody.', verbose_name='only for variants')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='plans', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'paid plan',
                'verbose_name_plural': 'paid plans',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='plan_once_per_code'),
                    models.UniqueConstraint(fields=('version', 'key'), name='plan_once_per_key'),
                    models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('version', 'rank'), name='plan_once_per_rank'),
                    models.CheckConstraint(condition=models.Q(('price__gte', 0)), name='plan_price_never_negative'),
                    models.CheckConstraint(condition=models.Q(('perks_cost__gte', 0)), name='plan_perks_cost_never_negative'),
                    models.CheckConstraint(condition=models.Q(('multiplier__gte', 0)), name='plan_multiplier_never_negative'),
                    models.CheckConstraint(condition=models.Q(('grace_days__range', (1, 27))), name='plan_grace_ends_before_the_period'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PlanChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(max_length=100, verbose_name='cause')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('from_plan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='plans.paidplan', verbose_name='from')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='plan_changes', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('to_plan', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='plans.paidplan', verbose_name='to')),
            ],
            options={
                'verbose_name': 'change of plan',
                'verbose_name_plural': 'changes of plan',
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'cause'), name='plan_change_once_per_cause'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Subscription',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('key', models.UUIDField(editable=False, help_text='Of the plan whose benefits the member has now.', null=True)),
                ('status', models.CharField(choices=[('awaiting', 'awaits its first payment'), ('trial', 'on trial'), ('active', 'active'), ('past_due', 'payment failed'), ('ended', 'ended')], max_length=10, verbose_name='status')),
                ('joined_at', models.DateTimeField(verbose_name='joined')),
                ('since', models.DateTimeField(help_text='When its plan last changed.', verbose_name='since')),
                ('anchor_on', models.DateField(null=True, verbose_name='periods counted from')),
                ('first_day', models.DateField(null=True, verbose_name='period from')),
                ('end_day', models.DateField(help_text='The first day after the period.', null=True, verbose_name='period ends before')),
                ('paid_from', models.DateField(editable=False, null=True)),
                ('paid', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='For the days from the last change to the period’s end.', max_digits=16, verbose_name='fee from then on')),
                ('had_trial', models.BooleanField(default=False, verbose_name='had a trial')),
                ('cancels', models.BooleanField(default=False, verbose_name='ends with the period')),
                ('next_key', models.UUIDField(editable=False, help_text='Of the plan with which the next period begins.', null=True)),
                ('credit', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='Of earlier fees: the next invoices are less by it.', max_digits=16, verbose_name='fee credit')),
                ('method', models.CharField(blank=True, help_text='As the payment provider knows it.', max_length=200, verbose_name='payment method')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('end_reason', models.CharField(blank=True, choices=[('cancelled', 'cancelled'), ('unpaid', 'not paid'), ('withdrawn', 'the plan is offered no more'), ('left', 'the member left the program'), ('merged', 'two members turned out to be one'), ('staff', 'ended by staff')], max_length=10, verbose_name='why it ended')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='memberships.membership', verbose_name='member')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='subscriptions', to='plans.paidplan', verbose_name='paid plan')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'member’s plan',
                'verbose_name_plural': 'members’ plans',
                'indexes': [
                    models.Index(fields=['membership', 'id'], name='subscription_of_member'),
                    models.Index(fields=['program', 'status'], name='subscription_by_status'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('membership',), name='subscription_open_once_per_member'),
                    models.CheckConstraint(condition=models.Q(('credit__gte', 0)), name='subscription_credit_never_negative'),
                    models.CheckConstraint(condition=models.Q(('end_day__isnull', True), ('end_day__gt', models.F('first_day')), _connector='OR'), name='subscription_period_has_a_day'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('key__isnull', True), ('status', 'ended')), models.Q(('ended_at__isnull', True), ('key__isnull', True), ('status', 'awaiting')), models.Q(('end_day__isnull', False), ('ended_at__isnull', True), ('key__isnull', False), ('status__in', ['trial', 'active', 'past_due'])), _connector='OR'), name='subscription_status_is_one'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Invoice',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('first', 'first period'), ('renewal', 'renewal'), ('change', 'change of plan'), ('ending', 'ended early'), ('second', 'paid once more')], max_length=8, verbose_name='kind')),
                ('status', models.CharField(choices=[('open', 'open'), ('paid', 'paid'), ('void', 'void')], max_length=5, verbose_name='status')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('first_day', models.DateField(help_text='The first day that it pays for.', verbose_name='from')),
                ('end_day', models.DateField(help_text='The first day that it does not pay for any more.', verbose_name='ends before')),
                ('fee', customers.core.money.MoneyField(decimal_places=4, help_text='For these days, before credit.', max_digits=16, verbose_name='fee')),
                ('credit_used', customers.core.money.MoneyField(decimal_places=4, default=0, max_digits=16, verbose_name='fee credit used')),
                ('amount', customers.core.money.MoneyField(decimal_places=4, help_text='That is to be paid.', max_digits=16, verbose_name='amount')),
                ('refunded', customers.core.money.MoneyField(decimal_places=4, default=0, max_digits=16, verbose_name='refunded')),
                ('issued_at', models.DateTimeField(verbose_name='issued')),
                ('unpaid_on', models.DateField(help_text='The day on which it is given up.', verbose_name='to be paid before')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('next_try_at', models.DateTimeField(null=True, verbose_name='next try')),
                ('asked_method', models.CharField(blank=True, editable=False, help_text='Of a try of which nobody knows yet what became of it.', max_length=200)),
                ('last_failed_at', models.DateTimeField(null=True, verbose_name='failed last')),
                ('last_error', models.CharField(blank=True, max_length=200, verbose_name='why')),
                ('paid_at', models.DateTimeField(null=True, verbose_name='paid')),
                ('settled_at', models.DateTimeField(help_text='When we knew of it: by this the books count it.', null=True, verbose_name='payment recorded')),
                ('voided_at', models.DateTimeField(null=True, verbose_name='voided')),
                ('provider', models.CharField(blank=True, max_length=20, verbose_name='provider')),
                ('provider_reference', models.CharField(blank=True, max_length=200, verbose_name='provider’s reference')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='plans.paidplan', verbose_name='paid plan')),
                ('subscription', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='invoices', to='plans.subscription', verbose_name='member’s plan')),
            ],
            options={
                'verbose_name': 'invoice',
                'verbose_name_plural': 'invoices',
                'indexes': [
                    models.Index(condition=models.Q(('next_try_at__isnull', False), ('status', 'open')), fields=['next_try_at'], name='invoice_to_collect'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('subscription',), name='invoice_open_once_per_subscription'),
                    models.CheckConstraint(condition=models.Q(('amount__gte', 0)), name='invoice_amount_never_negative'),
                    models.CheckConstraint(condition=models.Q(('credit_used__gte', 0)), name='invoice_credit_never_negative'),
                    models.CheckConstraint(condition=models.Q(('refunded__range', (0, models.F('amount')))), name='invoice_refunds_what_was_paid'),
                    models.CheckConstraint(condition=models.Q(models.Q(('status', 'paid'), _negated=True), ('paid_at__isnull', False), _connector='OR'), name='invoice_paid_has_an_instant'),
                ],
            },
        ),
        migrations.CreateModel(
            name='InvoiceLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('first_day', models.DateField(verbose_name='from')),
                ('end_day', models.DateField(verbose_name='ends before')),
                ('amount', customers.core.money.MoneyField(decimal_places=4, help_text='Negative for a credit.', max_digits=16, verbose_name='amount')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lines', to='plans.invoice', verbose_name='invoice')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='plans.paidplan', verbose_name='paid plan')),
            ],
            options={
                'verbose_name': 'line of an invoice',
                'verbose_name_plural': 'lines of invoices',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('end_day__gt', models.F('first_day'))), name='invoice_line_has_a_day'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PaymentNotice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=20, verbose_name='provider')),
                ('notice_id', models.CharField(max_length=200, verbose_name='provider’s id')),
                ('kind', models.CharField(max_length=20, verbose_name='kind')),
                ('effect', models.CharField(max_length=20, verbose_name='what it caused')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('invoice', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='notices', to='plans.invoice', verbose_name='invoice')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'payment notice',
                'verbose_name_plural': 'payment notices',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'provider', 'notice_id'), name='payment_notice_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Refund',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='amount')),
                ('reason', models.CharField(max_length=200, verbose_name='reason')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='by')),
                ('reference', models.CharField(blank=True, help_text='Of whoever asked for it by API: once per invoice.', max_length=80, verbose_name='reference')),
                ('status', models.CharField(choices=[('waiting', 'waiting'), ('done', 'done'), ('failed', 'failed')], default='waiting', max_length=7, verbose_name='status')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('next_try_at', models.DateTimeField(null=True, verbose_name='next try')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('last_error', models.CharField(blank=True, max_length=200, verbose_name='why')),
                ('provider_reference', models.CharField(blank=True, max_length=200, verbose_name='provider’s reference')),
                ('invoice', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='refunds', to='plans.invoice', verbose_name='invoice')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'refund',
                'verbose_name_plural': 'refunds',
                'indexes': [
                    models.Index(condition=models.Q(('next_try_at__isnull', False), ('status', 'waiting')), fields=['next_try_at'], name='refund_to_carry_out'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='refund_amount_positive'),
                    models.UniqueConstraint(condition=models.Q(('reference', ''), _negated=True), fields=('invoice', 'reference'), name='refund_once_per_reference'),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='paidplan',
            trigger=pgtrigger.compiler.Trigger(name='plans_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='0f90a3739fb42960edea8f3dfd361728fb481c5f', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_plans_frozen_with_version_749c2', table='plans_paidplan', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='paymentnotice',
            trigger=pgtrigger.compiler.Trigger(name='payment_notices_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4fde639e2aa535870ee62f8714bfd7473dec06c5', operation='UPDATE OR DELETE', pgid='pgtrigger_payment_notices_are_append_only_8cf9d', table='plans_paymentnotice', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='paymentnotice',
            trigger=pgtrigger.compiler.Trigger(name='payment_notices_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='082698ea46bce2166394c02ffd8bcb6ab3f45c26', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_payment_notices_never_truncated_0abfe', table='plans_paymentnotice', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planchange',
            trigger=pgtrigger.compiler.Trigger(name='plan_changes_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='ca8b27303251cf20c0da12f98728862d992f99a3', operation='UPDATE OR DELETE', pgid='pgtrigger_plan_changes_are_append_only_bb119', table='plans_planchange', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='planchange',
            trigger=pgtrigger.compiler.Trigger(name='plan_changes_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='75b1092b1970102c0adb1cc6d431d796d1841773', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_plan_changes_never_truncated_c6c0e', table='plans_planchange', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"plans_{table}") for table in TABLES),
        own_rows_only("plans_paidplan", through("programs_programversion", "version_id")),
    ]
