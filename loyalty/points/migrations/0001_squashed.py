import customers.core.ids
import customers.core.money
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.expressions
import loyalty.points.models.policy
import pgtrigger.compiler
import pgtrigger.migrations
from decimal import Decimal
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

TABLES = (
    "allocatedprice",
    "closedbooks",
    "closedmonth",
    "entry",
    "grant",
    "hold",
    "lot",
    "movedlot",
    "movement",
    "spendingreference",
    "wallet",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("points", "0030_references_of_merged")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='EarningRule',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('kind', models.CharField(choices=[('per_amount', 'points per unit of money'), ('per_item', 'points per item'), ('per_order', 'points per order'), ('first_order', 'bonus on the first order'), ('per_interaction', 'points per interaction'), ('birthday', 'gift on the birthday'), ('anniversary', 'gift on the anniversary of joining')], default='per_amount', max_length=20, verbose_name='kind')),
                ('points', models.DecimalField(decimal_places=4, help_text='Per unit of money, or in all for a bonus.', max_digits=10, validators=[django.core.validators.MinValueValidator(Decimal('0.0001'))], verbose_name='points')),
                ('wallet', models.SlugField(default='points', help_text='Where the points go.', verbose_name='wallet')),
                ('interaction', models.CharField(blank=True, choices=[('visit', 'visit'), ('product_view', 'product view'), ('cart_abandoned', 'cart abandoned'), ('review', 'review'), ('photo', 'photo'), ('nps', 'answer to an NPS survey'), ('csat', 'answer to a satisfaction survey'), ('support', 'contact with support'), ('share', 'share'), ('event', 'event attended')], help_text='That earns, for that kind.', max_length=20, verbose_name='interaction')),
                ('minimum_amount', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='Of what the rule counts; 0 for none.', max_digits=16, validators=[django.core.validators.MinValueValidator(0)], verbose_name='minimum amount')),
                ('condition', models.JSONField(blank=True, default=dict, help_text='Which lines of which orders count; empty for all.', validators=[loyalty.points.models.policy.validate_condition], verbose_name='condition')),
                ('cap', models.PositiveIntegerField(blank=True, help_text='What is beyond is cut; empty for no limit.', null=True, verbose_name='most points at once')),
                ('group', models.SlugField(blank=True, help_text='Of a group that gives the best, only one rule gives points.', verbose_name='group')),
                ('uses_multiplier', models.BooleanField(default=True, verbose_name='tier multiplies')),
                ('counts_free_lines', models.BooleanField(db_default=True, default=True, help_text='Lines that cost nothing are items, and make an order; where they do not count, a gift earns nothing.', verbose_name='counts free lines')),
                ('counts_gift_cards', models.BooleanField(db_default=False, default=False, help_text='Lines by which a gift card is bought: what is paid with it later earns too.', verbose_name='counts gift cards')),
                ('day_limit', models.PositiveSmallIntegerField(blank=True, help_text='Of interactions: so many of one member on a day at most; empty for no limit.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='rewarded a day')),
                ('month_limit', models.PositiveSmallIntegerField(blank=True, help_text='Of interactions: so many of one member in a month at most; empty for no limit.', null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='rewarded a month')),
                ('once_per_product', models.BooleanField(default=False, help_text='Only the first interaction of a member about a product.', verbose_name='once per product')),
                ('bought_within_days', models.PositiveSmallIntegerField(blank=True, help_text='Only about a product that the member bought, and did not return; empty for any.', null=True, verbose_name='bought within days')),
                ('needs_approval', models.BooleanField(default=False, help_text='The points are pending until somebody approves.', verbose_name='needs an approval')),
                ('is_taken_back', models.BooleanField(default=False, help_text='When the member returns the last of the product, the points go with it.', verbose_name='taken back with the product')),
                ('arms', models.JSONField(blank=True, default=dict, help_text='Of an experiment, such as double-points: A, B; empty for everybody.', verbose_name='only for variants')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='earning_rules', to='programs.programversion')),
            ],
            options={
                'verbose_name': 'earning rule',
                'verbose_name_plural': 'earning rules',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='earning_rule_once_per_code'),
                    models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='earning_rule_gives_something'),
                    models.CheckConstraint(condition=models.Q(('minimum_amount__gte', 0)), name='earning_rule_minimum_never_negative'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'per_interaction'), _negated=True), models.Q(('interaction', ''), _negated=True), _connector='OR'), name='earning_rule_names_its_interaction', violation_error_message='Say which interaction earns the points.'),
                    models.CheckConstraint(condition=models.Q(('kind', 'per_interaction'), models.Q(('bought_within_days', None), ('day_limit', None), ('is_taken_back', False), ('month_limit', None), ('needs_approval', False), ('once_per_product', False)), _connector='OR'), name='earning_rule_limits_interactions', violation_error_message='Limits a day, a month or per product, approvals and returns are for interactions.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Grant',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('source', models.SlugField(db_index=False, help_text='What asked for it, such as referrals.', max_length=20, verbose_name='source')),
                ('wallet', models.SlugField(db_index=False, verbose_name='wallet')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('cause', models.CharField(help_text='What it is for; once per member.', max_length=150, verbose_name='cause')),
                ('said', models.JSONField(default=dict, verbose_name='explanation')),
                ('occurred_at', models.DateTimeField(help_text='As of when it is decided.', verbose_name='earned')),
                ('pending_days', models.PositiveSmallIntegerField(default=0, verbose_name='days pending')),
                ('is_again', models.BooleanField(default=False, verbose_name='given again')),
                ('asked_at', models.DateTimeField(verbose_name='asked for')),
                ('decided_at', models.DateTimeField(null=True, verbose_name='decided')),
                ('given', models.BigIntegerField(help_text='Given or, of what is taken back, taken.', null=True, verbose_name='points moved')),
                ('reason', models.CharField(blank=True, help_text='Why nothing was given.', max_length=30, verbose_name='reason')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('takes_back', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='taken_back', to='points.grant', verbose_name='takes back')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'grant',
                'verbose_name_plural': 'grants',
                'indexes': [
                    models.Index(condition=models.Q(('decided_at__isnull', True)), fields=['membership'], name='grant_waiting'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'cause'), name='grant_once_per_cause'),
                    models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='grant_points_positive'),
                    models.CheckConstraint(condition=models.Q(models.Q(('decided_at__isnull', True), ('given__isnull', True)), models.Q(('decided_at__isnull', False), ('given__gte', 0)), _connector='OR'), name='grant_decided_says_what_it_gave'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ClosedMonth',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wallet', models.SlugField(db_index=False, verbose_name='wallet')),
                ('month', models.DateField(help_text='Its first day.', verbose_name='month')),
                ('ends_at', models.DateTimeField(help_text='The first instant after it.', verbose_name='ends')),
                ('closed_at', models.DateTimeField(verbose_name='closed')),
                ('entries', models.BigIntegerField(help_text='That were recorded in it.', verbose_name='entries')),
                ('occurred_through', models.DateTimeField(help_text='The last instant at which anything of it or before occurred.', null=True, verbose_name='occurred through')),
                ('point_value', models.DecimalField(decimal_places=6, max_digits=12, verbose_name='value of a point')),
                ('redeemed_share', models.DecimalField(decimal_places=4, help_text='Empty: by history.', max_digits=5, null=True, verbose_name='expected share redeemed')),
                ('pending', models.BigIntegerField(verbose_name='pending')),
                ('available', models.BigIntegerField(verbose_name='available')),
                ('held', models.BigIntegerField(verbose_name='held')),
                ('expected', models.DecimalField(decimal_places=4, max_digits=24, verbose_name='expected to be redeemed')),
                ('value', customers.core.money.MoneyField(decimal_places=4, max_digits=24, verbose_name='value')),
                ('liability', customers.core.money.MoneyField(decimal_places=4, max_digits=24, verbose_name='liability')),
                ('deferred', customers.core.money.MoneyField(decimal_places=4, max_digits=24, verbose_name='deferred revenue')),
                ('cohorts', models.JSONField(verbose_name='by month of earning')),
                ('ends', models.JSONField(help_text='Points redeemed, expired and taken back, by age in months.', verbose_name='ends by age')),
                ('lines', models.JSONField(verbose_name='journal')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='closed_months', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'closed month',
                'verbose_name_plural': 'closed months',
                'constraints': [
                    models.UniqueConstraint(fields=('program', 'wallet', 'month'), name='month_closed_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='EarningGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(verbose_name='code')),
                ('name', models.CharField(blank=True, max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('combination', models.CharField(choices=[('best_of', 'the best rule gives its points'), ('stack', 'all rules give their points')], default='best_of', max_length=10, verbose_name='combination')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='earning_groups', to='programs.programversion')),
            ],
            options={
                'verbose_name': 'group of earning rules',
                'verbose_name_plural': 'groups of earning rules',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='earning_group_once_per_code'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PointsPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(default='points', help_text='Keep it from version to version; every program has “points”.', verbose_name='wallet')),
                ('name', models.CharField(blank=True, help_text='As members read it.', max_length=50, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=50, verbose_name='name in French')),
                ('is_spendable', models.BooleanField(default=True, help_text='Points that cannot be spent only count for tiers.', verbose_name='can be spent')),
                ('pending_days', models.PositiveSmallIntegerField(default=0, help_text='Points become active at midnight after so many days; 0 at once.', verbose_name='pending days')),
                ('pending_until', models.DateField(blank=True, null=True, verbose_name='not active before')),
                ('pending_event', models.SlugField(blank=True, help_text='The pending days count from this event of the order, such as delivered; empty for the order itself.', verbose_name='pending until the event')),
                ('expiry', models.CharField(choices=[('never', 'never'), ('days', 'days after activation'), ('months', 'months after activation'), ('end_of_month', 'at the end of the month, so many months later'), ('end_of_quarter', 'at the end of the quarter, so many months later'), ('end_of_year', 'at the end of the year, so many months later'), ('fixed_dates', 'on the next of fixed dates'), ('inactivity', 'after so many months without earning or redeeming')], default='never', max_length=20, verbose_name='points expire')),
                ('expiry_count', models.PositiveSmallIntegerField(default=0, help_text='Days or months, as chosen.', verbose_name='how many')),
                ('expiry_dates', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=5, validators=[django.core.validators.RegexValidator('^(0[1-9]|1[0-2])-(0[1-9]|[12]\\d|3[01])$')]), blank=True, default=list, help_text='Month and day, such as 06-30, with commas between; points can be spent through that day.', size=None, verbose_name='fixed dates')),
                ('transaction_limit', models.PositiveIntegerField(blank=True, help_text='An order worth more gives nothing, so that somebody looks at it; empty for no limit.', null=True, verbose_name='most points of one order')),
                ('period_limit', models.PositiveIntegerField(blank=True, help_text='What is beyond is cut; what a return takes back makes room again; empty for no limit.', null=True, verbose_name='most points of a member in a period')),
                ('period', models.CharField(choices=[('day', 'day'), ('week', 'week from Monday'), ('month', 'month'), ('year', 'year')], default='month', max_length=10, verbose_name='period')),
                ('budget', models.PositiveBigIntegerField(blank=True, help_text='What is beyond is cut; what a return takes back can be given again; empty for no budget.', null=True, verbose_name='most points of all members')),
                ('budget_period', models.CharField(choices=[('day', 'day'), ('week', 'week from Monday'), ('month', 'month'), ('year', 'year'), ('ever', 'all time')], default='ever', max_length=10, verbose_name='within')),
                ('on_return', models.CharField(choices=[('stop_at_zero', 'take what is there and record the shortfall'), ('allow_negative', 'owe the rest; later earnings repay it first')], default='stop_at_zero', max_length=20, verbose_name='when a return takes back more than is there')),
                ('may_transfer', models.BooleanField(default=False, verbose_name='members may transfer points')),
                ('point_value', models.DecimalField(blank=True, decimal_places=6, help_text='What a redeemed point is worth in money, such as 0.01; without it no liability is shown.', max_digits=12, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='value of a point')),
                ('redeemed_share', models.DecimalField(blank=True, decimal_places=4, help_text='Your estimate, such as 0.8; the rest is breakage. Empty to take it from history.', max_digits=5, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0')), django.core.validators.MaxValueValidator(Decimal('1'))], verbose_name='expected share redeemed')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='points_policies', to='programs.programversion')),
            ],
            options={
                'verbose_name': 'points policy',
                'verbose_name_plural': 'points policies',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='points_policy_once_per_wallet'),
                    models.CheckConstraint(condition=models.Q(('redeemed_share__isnull', True), ('redeemed_share__range', (0, 1)), _connector='OR'), name='points_policy_share_is_a_share'),
                    models.CheckConstraint(condition=models.Q(models.Q(('expiry', 'fixed_dates'), _negated=True), models.Q(('expiry_dates', []), _negated=True), _connector='OR'), name='points_policy_fixed_dates_are_named', violation_error_message='Name the dates on which the points expire, such as 06-30 and 12-31.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SpendingReference',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(max_length=190, verbose_name='reference')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='spending_references', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'reference of a redemption',
                'verbose_name_plural': 'references of redemptions',
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'reference'), name='spending_reference_once_per_member'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Wallet',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(db_index=False, default='points', verbose_name='code')),
                ('available', models.BigIntegerField(default=0, verbose_name='available')),
                ('pending', models.BigIntegerField(default=0, verbose_name='pending')),
                ('held', models.BigIntegerField(default=0, verbose_name='held')),
                ('owed', models.BigIntegerField(default=0, help_text='What a return could not take back.', verbose_name='owed')),
                ('shortfall', models.BigIntegerField(db_default=0, default=0, help_text='What returns could not take and is not owed: points that come back settle it first.', verbose_name='shortfall')),
                ('active_since', models.DateTimeField(help_text='Since when the member was never idle for so long that points end.', null=True, verbose_name='active since')),
                ('idle_until', models.DateTimeField(help_text='Of the lots that live as long as the member is active.', null=True, verbose_name='expires by inactivity')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='wallets', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'wallet',
                'verbose_name_plural': 'wallets',
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'code'), name='wallet_once_per_code'),
                    models.CheckConstraint(condition=models.Q(('available__gte', 0)), name='wallet_available_never_negative'),
                    models.CheckConstraint(condition=models.Q(('pending__gte', 0)), name='wallet_pending_never_negative'),
                    models.CheckConstraint(condition=models.Q(('held__gte', 0)), name='wallet_held_never_negative'),
                    models.CheckConstraint(condition=models.Q(('owed__gte', 0)), name='wallet_owed_never_negative'),
                    models.CheckConstraint(condition=models.Q(('shortfall__gte', 0)), name='wallet_shortfall_never_negative'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('earn', 'earned'), ('activate', 'became active'), ('expire', 'expired'), ('return', 'taken back for a return'), ('repay', 'repaid what was owed'), ('hold', 'held for a payment'), ('redeem', 'redeemed'), ('release', 'released'), ('restore', 'given back'), ('adjust', 'adjusted by staff'), ('transfer', 'transferred'), ('leave', 'forfeited on leaving'), ('keep', 'kept what was there')], max_length=10, verbose_name='kind')),
                ('cause', models.CharField(help_text='What it happened for; once per wallet.', max_length=200, verbose_name='cause')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('available_change', models.BigIntegerField(verbose_name='change')),
                ('pending_change', models.BigIntegerField(verbose_name='change of pending')),
                ('owed_change', models.BigIntegerField(default=0, verbose_name='change of owed')),
                ('shortfall_change', models.BigIntegerField(db_default=0, default=0, verbose_name='change of shortfall')),
                ('balance_after', models.BigIntegerField(help_text='Available less owed.', verbose_name='balance after')),
                ('explanation', models.JSONField(verbose_name='explanation')),
                ('keeps_until', models.DateTimeField(help_text='Where it is something that the member did: when points end that live as long as it is active.', null=True, verbose_name='keeps points until')),
                ('order', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='customers.order', verbose_name='order')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='points.wallet', verbose_name='wallet')),
            ],
            options={
                'verbose_name': 'entry',
                'verbose_name_plural': 'entries',
                'indexes': [
                    models.Index(fields=['wallet', '-id'], name='entry_newest_first'),
                    models.Index(fields=['retailer', 'recorded_at'], name='entry_by_recording'),
                    models.Index(condition=models.Q(('keeps_until__isnull', False)), fields=['wallet', 'occurred_at'], name='entry_keeps_points'),
                    models.Index(condition=models.Q(('explanation__has_key', 'debts'), ('kind', 'transfer')), fields=['wallet'], name='entry_takes_debts_over'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('wallet', 'cause'), name='entry_once_per_cause'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Lot',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('earned_at', models.DateTimeField(verbose_name='earned')),
                ('active_at', models.DateTimeField(null=True, verbose_name='active from')),
                ('expires_at', models.DateTimeField(null=True, verbose_name='expires')),
                ('activation_event', models.SlugField(db_index=False, blank=True, help_text='The event of its order that makes it active.', verbose_name='activation event')),
                ('expires_on_inactivity', models.BooleanField(default=False, verbose_name='expires on inactivity')),
                ('gift', models.SlugField(db_index=False, blank=True, db_default='', help_text='The tier whose entry gave it, by its code.', verbose_name='gift of tier')),
                ('dated_at', models.DateTimeField(help_text='When it was recorded that the event happened that it awaited.', null=True, verbose_name='dated')),
                ('is_lent', models.BooleanField(db_default=False, default=False, help_text='By its household, for one payment; it goes back with it.', verbose_name='lent')),
                ('pending', models.BigIntegerField(default=0, verbose_name='pending')),
                ('available', models.BigIntegerField(default=0, verbose_name='available')),
                ('held', models.BigIntegerField(default=0, verbose_name='held')),
                ('claimed', models.BigIntegerField(db_default=0, default=0, help_text='Of what is held: goes to a return when the hold ends.', verbose_name='claimed')),
                ('from_lot', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.lot', verbose_name='transferred from')),
                ('order', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='customers.order', verbose_name='order')),
                ('origin', models.ForeignKey(db_constraint=False, db_index=False, editable=False, help_text='From which it came by one transfer or several.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.lot', verbose_name='first lot')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.programversion', verbose_name='version')),
                ('rule', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='points.earningrule', verbose_name='rule')),
                ('grant', models.ForeignKey(db_constraint=False, db_index=False, help_text='What gave it where no order did, such as a referral’s reward.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='points.grant', verbose_name='grant')),
                ('wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='lots', to='points.wallet', verbose_name='wallet')),
            ],
            options={
                'verbose_name': 'lot',
                'verbose_name_plural': 'lots',
                'indexes': [
                    models.Index(condition=models.Q(('available__gt', 0), ('pending__gt', 0), ('held__gt', 0), _connector='OR'), fields=['wallet', 'expires_on_inactivity', 'expires_at', 'earned_at'], include=('available',), name='lot_with_points_in_order'),
                    models.Index(condition=models.Q(('gift', ''), _negated=True), fields=['wallet'], name='lot_gift'),
                    models.Index(condition=models.Q(('activation_event', 'approved')), fields=['gift'], name='lot_of_approval'),
                    models.Index(condition=models.Q(('grant__isnull', False)), fields=['grant'], name='lot_of_grant'),
                    models.Index(condition=models.Q(('pending__gt', 0)), fields=['active_at'], name='lot_to_activate'),
                    models.Index(condition=models.Q(('available__gt', 0), ('expires_at__isnull', False)), fields=['expires_at'], name='lot_to_expire'),
                    models.Index(fields=['order'], name='lot_by_order'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='lot_amount_positive'),
                    models.CheckConstraint(condition=models.Q(('pending__gte', 0)), name='lot_pending_never_negative'),
                    models.CheckConstraint(condition=models.Q(('available__gte', 0)), name='lot_available_never_negative'),
                    models.CheckConstraint(condition=models.Q(('held__gte', 0)), name='lot_held_never_negative'),
                    models.CheckConstraint(condition=models.Q(('claimed__gte', 0)), name='lot_claimed_never_negative'),
                    models.CheckConstraint(condition=models.Q(('amount__gte', django.db.models.expressions.CombinedExpression(django.db.models.expressions.CombinedExpression(models.F('pending'), '+', models.F('available')), '+', models.F('held')))), name='lot_open_points_within_amount'),
                    models.CheckConstraint(condition=models.Q(('expires_at__isnull', True), ('expires_at__gt', models.F('active_at')), _connector='OR'), name='lot_expires_after_activation'),
                    models.CheckConstraint(condition=models.Q(('active_at__isnull', False), models.Q(('activation_event', ''), _negated=True), _connector='OR'), name='lot_without_a_date_awaits_an_event'),
                    models.CheckConstraint(condition=models.Q(('active_at__isnull', False), models.Q(('available', 0), ('held', 0)), _connector='OR'), name='lot_that_awaits_is_pending'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Movement',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('from_state', models.CharField(choices=[('issued', 'issued'), ('pending', 'pending'), ('available', 'available'), ('held', 'held'), ('redeemed', 'redeemed'), ('expired', 'expired'), ('cancelled', 'cancelled'), ('transferred', 'transferred')], max_length=12, verbose_name='from')),
                ('to_state', models.CharField(choices=[('issued', 'issued'), ('pending', 'pending'), ('available', 'available'), ('held', 'held'), ('redeemed', 'redeemed'), ('expired', 'expired'), ('cancelled', 'cancelled'), ('transferred', 'transferred')], max_length=12, verbose_name='to')),
                ('amount', models.BigIntegerField(verbose_name='amount')),
                ('entry', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='points.entry', verbose_name='entry')),
                ('lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='movements', to='points.lot', verbose_name='lot')),
                ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'movement',
                'verbose_name_plural': 'movements',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount__gt', 0)), name='movement_amount_positive'),
                    models.CheckConstraint(condition=models.Q(('from_state', models.F('to_state')), _negated=True), name='movement_goes_somewhere'),
                    models.CheckConstraint(condition=models.Q(('to_state', 'issued'), _negated=True), name='movement_never_back_to_issued'),
                    models.CheckConstraint(condition=models.Q(('from_state__in', ['issued', 'pending', 'available', 'held', 'redeemed', 'expired', 'cancelled', 'transferred']), ('to_state__in', ['issued', 'pending', 'available', 'held', 'redeemed', 'expired', 'cancelled', 'transferred'])), name='movement_between_known_states'),
                ],
            },
        ),
        migrations.CreateModel(
            name='QualifyingDay',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('on_date', models.DateField(verbose_name='day')),
                ('spend', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='spent')),
                ('points', models.BigIntegerField(verbose_name='earned')),
                ('orders', models.IntegerField(db_default=0, default=0, verbose_name='orders')),
                ('visits', models.IntegerField(db_default=0, default=0, verbose_name='visits')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.wallet', verbose_name='wallet')),
            ],
            options={
                'verbose_name': 'qualifying day',
                'verbose_name_plural': 'qualifying days',
                'constraints': [
                    models.UniqueConstraint(fields=('wallet', 'on_date'), name='qualifying_day_once_per_day'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Hold',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('reference', models.CharField(help_text="The caller's own; once per member.", max_length=80, verbose_name='reference')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('redeemed', models.BigIntegerField(default=0, verbose_name='redeemed')),
                ('status', models.CharField(choices=[('open', 'open'), ('confirmed', 'confirmed'), ('released', 'released'), ('timed_out', 'timed out')], default='open', max_length=10, verbose_name='status')),
                ('held_at', models.DateTimeField(verbose_name='held')),
                ('times_out_at', models.DateTimeField(verbose_name='times out')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('wallet', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='points.wallet', verbose_name='wallet')),
            ],
            options={
                'verbose_name': 'hold',
                'verbose_name_plural': 'holds',
                'indexes': [
                    models.Index(condition=models.Q(('status', 'open')), fields=['times_out_at'], name='hold_to_time_out'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('wallet', 'reference'), name='hold_once_per_reference'),
                    models.CheckConstraint(condition=models.Q(('points__gt', 0)), name='hold_points_positive'),
                    models.CheckConstraint(condition=models.Q(('redeemed__gte', 0), ('redeemed__lte', models.F('points'))), name='hold_redeems_what_it_holds'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('status', 'open')), models.Q(models.Q(('status', 'open'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='hold_ends_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='AllocatedPrice',
            fields=[
                ('lot', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='allocated_price', serialize=False, to='points.lot', verbose_name='lot')),
                ('price', models.DecimalField(decimal_places=12, max_digits=28, verbose_name='price')),
                ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'allocated price',
                'verbose_name_plural': 'allocated prices',
            },
        ),
        migrations.CreateModel(
            name='MovedLot',
            fields=[
                ('lot', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='points.lot', verbose_name='lot')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('to_lot', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.lot', verbose_name='moved to')),
            ],
            options={
                'verbose_name': 'moved lot',
                'verbose_name_plural': 'moved lots',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('lot', models.F('to_lot')), _negated=True), name='moved_lot_never_to_itself'),
                ],
            },
        ),
        migrations.CreateModel(
            name='BudgetShare',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('wallet', models.SlugField(db_index=False, verbose_name='wallet')),
                ('starts_on', models.DateField(verbose_name='from')),
                ('share', models.PositiveSmallIntegerField(verbose_name='share')),
                ('granted', models.BigIntegerField(verbose_name='granted')),
                ('used', models.BigIntegerField(default=0, verbose_name='used')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='programs.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'share of a budget',
                'verbose_name_plural': 'shares of a budget',
                'constraints': [models.UniqueConstraint(fields=('program', 'wallet', 'starts_on', 'share'), name='budget_share_once'), models.CheckConstraint(condition=models.Q(('used__lte', models.F('granted'))), name='budget_never_exceeded')],
            },
        ),
        migrations.CreateModel(
            name='ClosedBooks',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('part', models.SlugField(db_index=False, help_text='Such as plans or rewards.', verbose_name='part')),
                ('month', models.DateField(help_text='Its first day.', verbose_name='month')),
                ('ends_at', models.DateTimeField(help_text='The first instant after it.', verbose_name='ends')),
                ('closed_at', models.DateTimeField(verbose_name='closed')),
                ('opening', models.JSONField(verbose_name='sums before')),
                ('sums', models.JSONField(verbose_name='sums')),
                ('late', models.JSONField(verbose_name='of months before')),
                ('figures', models.JSONField(verbose_name='figures')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='closed_books', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'closed month of other books',
                'verbose_name_plural': 'closed months of other books',
                'constraints': [models.UniqueConstraint(fields=('program', 'part', 'month'), name='books_closed_once')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closedbooks',
            trigger=pgtrigger.compiler.Trigger(name='closed_books_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4dd9d2e33ab5b070f2ce5419b5baa7fff93addd0', operation='UPDATE OR DELETE', pgid='pgtrigger_closed_books_are_append_only_15543', table='points_closedbooks', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closedbooks',
            trigger=pgtrigger.compiler.Trigger(name='closed_books_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='9a540bb991eca5ea819a4f4d4b1bf097c93ac955', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_closed_books_never_truncated_a3897', table='points_closedbooks', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closedmonth',
            trigger=pgtrigger.compiler.Trigger(name='closed_months_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='a6c84744c2d8bea3e54ffeae139cea9ea4b8324f', operation='UPDATE OR DELETE', pgid='pgtrigger_closed_months_are_append_only_ac344', table='points_closedmonth', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='closedmonth',
            trigger=pgtrigger.compiler.Trigger(name='closed_months_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='d92d8bc07ae6d4d6c913e78876d7233e71bdb842', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_closed_months_never_truncated_55b8b', table='points_closedmonth', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earninggroup',
            trigger=pgtrigger.compiler.Trigger(name='earning_groups_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='fa0f95e4d63212e738f87aa2dc930078a2d26b45', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_earning_groups_frozen_with_version_d15c2', table='points_earninggroup', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='earningrule',
            trigger=pgtrigger.compiler.Trigger(name='earning_rules_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='de907d21db11ac6af524b3c4b68c3f328c0e6ce1', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_earning_rules_frozen_with_version_ac9a6', table='points_earningrule', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grant',
            trigger=pgtrigger.compiler.Trigger(name='grants_are_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='8d81b23ff14235827de2d6152743919e73067c06', operation='DELETE', pgid='pgtrigger_grants_are_never_deleted_debd4', table='points_grant', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='grant',
            trigger=pgtrigger.compiler.Trigger(name='grants_are_decided_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."decided_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot change a grant that was decided';", hash='7e701fc7bb9366625777a7aabe2d9f661ffc7ee1', operation='UPDATE', pgid='pgtrigger_grants_are_decided_once_c5b94', table='points_grant', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='movement',
            trigger=pgtrigger.compiler.Trigger(name='movements_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='ef73f52bd5d16dc753b8d5102912306239b955e1', operation='UPDATE OR DELETE', pgid='pgtrigger_movements_are_append_only_2b38f', table='points_movement', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='movement',
            trigger=pgtrigger.compiler.Trigger(name='movements_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='b7b937d846d7b4722f41b75ab43b17bd722c7fe9', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_movements_never_truncated_89ff8', table='points_movement', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='pointspolicy',
            trigger=pgtrigger.compiler.Trigger(name='points_policies_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='6669ab633ff876345b32188f7331a85dd54e13e7', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_points_policies_frozen_with_version_9950a', table='points_pointspolicy', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_are_never_deleted', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;", hash='15b36c245adcfc72019b277254a1a494a1020455', operation='DELETE', pgid='pgtrigger_lots_are_never_deleted_75e30', table='points_lot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_lead_to_their_origin', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."from_lot_id" IS NOT NULL OR NEW."origin_id" IS NOT NULL)', declare='DECLARE first_lot uuid;', func="\nSELECT coalesce(given.origin_id, given.id) INTO first_lot FROM points_lot given WHERE given.id = NEW.from_lot_id;\nIF first_lot IS NULL OR NEW.origin_id <> first_lot THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot transfer a lot of another origin';\nEND IF;\nNEW.origin_id = first_lot;\nRETURN NEW;\n", hash='390fd98bd98e368566c437a3b3cb00d1efa36156', operation='INSERT', pgid='pgtrigger_lots_lead_to_their_origin_7654d', table='points_lot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_keep_their_terms', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot change the terms of a lot';", hash='3df96616936eb58d6fd0697d2a8cfa2bfd7ceb38', operation='UPDATE OF "retailer_id", "wallet_id", "order_id", "version_id", "rule_id", "from_lot_id", "origin_id", "amount", "earned_at", "activation_event", "expires_on_inactivity", "is_lent", "grant_id"', pgid='pgtrigger_lots_keep_their_terms_6e955', table='points_lot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_get_their_dates_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (OLD."active_at" IS NOT NULL)', func="RAISE EXCEPTION 'pgtrigger: Cannot change the terms of a lot';", hash='ce03cd22cd2265b5d128666de5eb7c611e716eb6', operation='UPDATE OF "active_at", "expires_at"', pgid='pgtrigger_lots_get_their_dates_once_3281d', table='points_lot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='lot',
            trigger=pgtrigger.compiler.Trigger(name='lots_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='67fc5348a82528b863af36ab72ef7b119bc513e5', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_lots_never_truncated_746eb', table='points_lot', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entries_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e5ae5d59c7684932ded2b82a6776579868d68d04', operation='UPDATE OR DELETE', pgid='pgtrigger_entries_are_append_only_cc34d', table='points_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='entry',
            trigger=pgtrigger.compiler.Trigger(name='entries_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='3b012c56277f6795a18590abb25b9d412e09ed55', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_entries_never_truncated_3049e', table='points_entry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='allocatedprice',
            trigger=pgtrigger.compiler.Trigger(name='allocated_prices_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='7a380a81dbd7f0474b19400627b98ada62d67487', operation='UPDATE OR DELETE', pgid='pgtrigger_allocated_prices_are_append_only_3763d', table='points_allocatedprice', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='allocatedprice',
            trigger=pgtrigger.compiler.Trigger(name='allocated_prices_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='b4bb92b001cfb2f947a093d49d02ed2c4af14447', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_allocated_prices_never_truncated_27d18', table='points_allocatedprice', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"points_{table}") for table in TABLES),
        own_rows_only("points_budgetshare", through("programs_program", "program_id")),
        own_rows_only("points_earninggroup", through("programs_programversion", "version_id")),
        own_rows_only("points_earningrule", through("programs_programversion", "version_id")),
        own_rows_only("points_pointspolicy", through("programs_programversion", "version_id")),
        own_rows_only("points_qualifyingday", through("points_wallet", "wallet_id")),
    ]
