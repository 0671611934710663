import customers.core.ids
import customers.core.money
import django.core.validators
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

TABLES = (
    "referral",
    "referralcode",
    "referralsignal",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("referrals", "0001_initial")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("points", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='Referral',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('code', models.CharField(max_length=12, verbose_name='code')),
                ('channel', models.CharField(choices=[('enrolment', 'enrolment'), ('member', 'the member itself'), ('shop', 'the shop'), ('order', 'order’s promotion code')], max_length=10, verbose_name='claimed by')),
                ('status', models.CharField(choices=[('open', 'waits for the order'), ('held', 'to be reviewed'), ('earned', 'earned'), ('taken_back', 'taken back'), ('refused', 'refused')], max_length=10, verbose_name='status')),
                ('reason', models.CharField(blank=True, choices=[('same_customer', 'the friend is the referrer'), ('same_email', 'same e-mail'), ('same_phone', 'same phone'), ('same_payment', 'same means of payment'), ('bought_before', 'bought before'), ('cycle', 'refers who referred it'), ('advocate_left', 'the referrer has left'), ('suspicious', 'suspicious'), ('refused_by_staff', 'refused by staff'), ('order_returned', 'the order came back'), ('below_minimum', 'below the minimum amount'), ('too_late', 'ordered too late'), ('friend_left', 'the friend has left'), ('referred_before', 'referred before')], max_length=30, verbose_name='reason')),
                ('score', models.PositiveIntegerField(default=0, verbose_name='score')),
                ('suspicions', models.JSONField(default=list, verbose_name='what is suspicious')),
                ('claimed_at', models.DateTimeField(verbose_name='claimed')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('round', models.PositiveIntegerField(default=0, verbose_name='times earned')),
                ('orders', models.JSONField(default=list, editable=False)),
                ('earned_at', models.DateTimeField(null=True, verbose_name='earned')),
                ('pending_until', models.DateTimeField(null=True, verbose_name='pending until')),
                ('reviewed_by', models.CharField(blank=True, max_length=150, verbose_name='reviewed by')),
                ('review_note', models.CharField(blank=True, max_length=500, verbose_name='note')),
                ('reviewed_at', models.DateTimeField(null=True, verbose_name='reviewed')),
                ('advocate', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='referrals_made', to='memberships.membership', verbose_name='referrer')),
                ('advocate_grant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.grant', verbose_name='referrer’s reward')),
                ('friend', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='referrals_of', to='memberships.membership', verbose_name='friend')),
                ('friend_grant', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.grant', verbose_name='friend’s reward')),
                ('order', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='referrals', to='customers.order', verbose_name='order')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'referral',
                'verbose_name_plural': 'referrals',
                'indexes': [
                    models.Index(fields=['advocate', '-id'], name='referral_of_advocate'),
                    models.Index(fields=['program', 'status', '-id'], name='referral_by_status'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('status', 'refused'), _negated=True), fields=('friend',), name='referral_live_once_per_friend'),
                    models.CheckConstraint(condition=models.Q(models.Q(('friend', models.F('advocate')), _negated=True), ('status__in', ['refused', 'taken_back']), _connector='OR'), name='referral_of_oneself_is_none'),
                    models.CheckConstraint(condition=models.Q(models.Q(('earned_at__isnull', False), ('order__isnull', False), ('status', 'earned')), models.Q(models.Q(('status', 'earned'), _negated=True), ('earned_at__isnull', True), ('order__isnull', True)), _connector='OR'), name='referral_earned_has_an_order'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReferralCode',
            fields=[
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='referral_code', serialize=False, to='memberships.membership', verbose_name='member')),
                ('code', models.CharField(max_length=12, verbose_name='code')),
                ('drawn_at', models.DateTimeField(verbose_name='drawn')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'referral code',
                'verbose_name_plural': 'referral codes',
                'constraints': [
                    models.UniqueConstraint(fields=('program', 'code'), name='referral_code_once_per_program'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReferralPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(default='friends', verbose_name='code')),
                ('link', models.CharField(blank=True, help_text='The address that members share, with {code} in the place of their code.', max_length=300, verbose_name='link')),
                ('wallet', models.SlugField(default='points', help_text='Into which both rewards go.', verbose_name='wallet')),
                ('advocate_points', models.PositiveIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(1000000)], verbose_name='points for the referrer')),
                ('friend_points', models.PositiveIntegerField(default=0, validators=[django.core.validators.MaxValueValidator(1000000)], verbose_name='points for the friend')),
                ('first_order_only', models.BooleanField(default=True, help_text='Else the first order counts that reaches the minimum amount.', verbose_name='first order only')),
                ('minimum_amount', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='Of what the friend keeps of the order, net, as far as it was paid with money.', max_digits=16, validators=[django.core.validators.MinValueValidator(0)], verbose_name='minimum amount')),
                ('waiting_days', models.PositiveSmallIntegerField(default=14, help_text='Both rewards are pending for so many days after the order.', validators=[django.core.validators.MaxValueValidator(366)], verbose_name='days of waiting')),
                ('window_days', models.PositiveSmallIntegerField(default=90, help_text='From the claim, within which the order is to come; 0 for no end.', validators=[django.core.validators.MaxValueValidator(3660)], verbose_name='days to order')),
                ('advocate_limit', models.PositiveIntegerField(blank=True, help_text='At most so many in a period; empty for no limit.', null=True, verbose_name='rewards per referrer')),
                ('limit_period', models.CharField(choices=[('day', 'day'), ('week', 'week'), ('month', 'month'), ('year', 'year'), ('ever', 'ever')], default='month', max_length=5, verbose_name='period of the limit')),
                ('budget', models.BigIntegerField(blank=True, help_text='Points that all referrers and friends together may get in a period; empty for no limit.', null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='budget')),
                ('budget_period', models.CharField(choices=[('day', 'day'), ('week', 'week'), ('month', 'month'), ('year', 'year'), ('ever', 'ever')], default='ever', max_length=5, verbose_name='period of the budget')),
                ('claims_limit', models.PositiveSmallIntegerField(default=10, help_text='Or device: the next one within the days beside is held for somebody to look at.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='claims from one address')),
                ('claims_days', models.PositiveSmallIntegerField(default=7, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)], verbose_name='within days')),
                ('hold_score', models.PositiveSmallIntegerField(default=50, help_text='A claim of which so much is suspicious waits for somebody to decide.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='score to hold')),
                ('version', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='referral_policy', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'referral policy',
                'verbose_name_plural': 'referral policies',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('minimum_amount__gte', 0)), name='referral_minimum_never_negative'),
                    models.CheckConstraint(condition=models.Q(('budget__isnull', True), ('budget__gte', 0), _connector='OR'), name='referral_budget_never_negative'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReferralSignal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('device', 'device'), ('address', 'postal address'), ('ip', 'IP address'), ('payment', 'means of payment')], max_length=8, verbose_name='kind')),
                ('digest', models.CharField(max_length=64, verbose_name='digest')),
                ('seen_at', models.DateTimeField(verbose_name='seen')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='referral_signals', to='memberships.membership', verbose_name='member')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('referral', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='signals', to='referrals.referral', verbose_name='referral')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'signal of a referral',
                'verbose_name_plural': 'signals of referrals',
                'indexes': [
                    models.Index(fields=['program', 'kind', 'digest', 'seen_at'], name='referral_signal_by_digest'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'kind', 'digest'), name='referral_signal_once_per_member'),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='referralpolicy',
            trigger=pgtrigger.compiler.Trigger(name='referral_policies_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='6355a75f5a813d1f31ac410bff0baec3a3d1336b', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_referral_policies_frozen_with_version_e9963', table='referrals_referralpolicy', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"referrals_{table}") for table in TABLES),
        own_rows_only("referrals_referralpolicy", through("programs_programversion", "version_id")),
    ]
