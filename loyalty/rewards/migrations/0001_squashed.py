import customers.core.ids
import customers.core.images
import customers.core.money
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.expressions
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

TABLES = (
    "causeentry",
    "codebatch",
    "rewardbudget",
    "rewardbudgetentry",
    "rewardcode",
    "rewardcounter",
    "rewardredemption",
    "voucherhold",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("rewards", "0004_offers")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='CodeBatch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reward_key', models.UUIDField(verbose_name='reward')),
                ('file_name', models.CharField(max_length=200, verbose_name='file')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='by')),
                ('codes', models.PositiveIntegerField(default=0, verbose_name='codes')),
                ('known', models.PositiveIntegerField(default=0, help_text='Left as they were.', verbose_name='known before')),
                ('imported_at', models.DateTimeField(verbose_name='imported')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'import of codes',
                'verbose_name_plural': 'imports of codes',
            },
        ),
        migrations.CreateModel(
            name='Reward',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text='Its identity from version to version.')),
                ('code', models.SlugField(help_text='May be renamed: stock and codes stay with the reward.', verbose_name='code')),
                ('place', models.PositiveSmallIntegerField(default=0, help_text='In the catalogue, from 0.', verbose_name='place')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('description_fr', models.TextField(blank=True, verbose_name='description in French')),
                ('image', models.CharField(blank=True, help_text='Its address, or the name of an image that was uploaded.', max_length=300, validators=[customers.core.images.validate_image], verbose_name='image')),
                ('kind', models.CharField(choices=[('amount_off', 'an amount off'), ('percent_off', 'a percentage off'), ('product', 'a product'), ('voucher', 'a voucher code'), ('experience', 'an experience'), ('donation', 'a donation'), ('pay_with_points', 'paying with points')], max_length=15, verbose_name='kind')),
                ('wallet', models.SlugField(default='points', help_text='Whose points pay it.', verbose_name='wallet')),
                ('points', models.PositiveIntegerField(help_text='Of donations and of paying with points: the fewest at once.', verbose_name='price in points')),
                ('value', customers.core.money.MoneyField(blank=True, decimal_places=4, help_text='Of an amount off; of other kinds what it is worth to the member.', max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='amount')),
                ('percent', models.DecimalField(blank=True, decimal_places=2, max_digits=5, null=True, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='percent off')),
                ('sku', models.CharField(blank=True, help_text='Of a product.', max_length=100, verbose_name='SKU')),
                ('points_per_unit', models.PositiveIntegerField(blank=True, help_text='Of donations and of paying with points: 100 points are 1.00.', null=True, verbose_name='points for one of the currency')),
                ('match_percent', models.PositiveSmallIntegerField(default=0, help_text='Of a donation: what the retailer adds to what members give.', verbose_name='match in percent')),
                ('match_budget', customers.core.money.MoneyField(blank=True, decimal_places=4, help_text='In all.', max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='budget of the match')),
                ('cost', customers.core.money.MoneyField(blank=True, decimal_places=4, help_text='What one costs the retailer; empty where it costs its amount.', max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='cost')),
                ('minimum_amount', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='At the till.', max_digits=16, validators=[django.core.validators.MinValueValidator(0)], verbose_name='from an order of')),
                ('codes', models.CharField(choices=[('none', 'none'), ('generated', 'generated'), ('pool', 'from the imported pool')], default='none', max_length=10, verbose_name='codes')),
                ('stock', models.PositiveIntegerField(blank=True, help_text='How many there are in all, of all versions; empty for no limit.', null=True, verbose_name='stock')),
                ('member_limit', models.PositiveIntegerField(blank=True, null=True, verbose_name='most per member')),
                ('member_period', models.CharField(choices=[('ever', 'all time'), ('day', 'day'), ('week', 'week from Monday'), ('month', 'month'), ('year', 'year')], default='ever', max_length=10, verbose_name='within')),
                ('tiers', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes.', size=None, verbose_name='only for tiers')),
                ('plans', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes.', size=None, verbose_name='only for plans')),
                ('segments', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Of members who agreed to offers based on a profile.', size=None, verbose_name='only for segments')),
                ('first_day', models.DateField(blank=True, null=True, verbose_name='from the day')),
                ('last_day', models.DateField(blank=True, null=True, verbose_name='through the day')),
                ('valid_days', models.PositiveSmallIntegerField(blank=True, help_text='After the day of its redemption; empty for ever.', null=True, verbose_name='good for days')),
                ('valid_until', models.DateField(blank=True, null=True, verbose_name='good through the day')),
                ('on_expiry', models.CharField(choices=[('keep', 'nothing comes back'), ('give_back', 'the points come back')], default='keep', max_length=10, verbose_name='unused when it ends')),
                ('on_withdrawal', models.CharField(choices=[('keep', 'codes stay good'), ('give_back', 'the points come back')], default='keep', max_length=10, verbose_name='unused when it leaves the catalogue')),
                ('may_cancel', models.BooleanField(default=False, help_text='As long as it is not used or sent.', verbose_name='members may cancel')),
                ('granted_only', models.BooleanField(default=False, help_text='It stands in no catalogue: members get it by an offer, without points.', verbose_name='only as an offer')),
                ('arms', models.JSONField(blank=True, default=dict, help_text='Of an experiment, such as double-points: A, B; empty for everybody.', verbose_name='only for variants')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rewards', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'reward',
                'verbose_name_plural': 'rewards',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='reward_once_per_code'),
                    models.UniqueConstraint(fields=('version', 'key'), name='reward_once_per_key'),
                    models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('version', 'place'), name='reward_once_per_place'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'amount_off'), _negated=True), models.Q(('value__gt', 0), ('value__isnull', False)), _connector='OR'), name='reward_amount_off_has_an_amount', violation_error_message='An amount off has an amount.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'percent_off'), _negated=True), models.Q(('percent__gt', 0), ('percent__isnull', False), ('percent__lte', 100)), _connector='OR'), name='reward_percent_off_has_a_percentage', violation_error_message='A percentage off has a percentage, of 100 at most.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['donation', 'pay_with_points']), _negated=True), models.Q(('points__gt', 0), ('points_per_unit__gt', 0), ('points_per_unit__isnull', False)), _connector='OR'), name='reward_of_any_points_has_a_rate', violation_error_message='Donations and paying with points say how many points one of the currency is.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'donation'), _negated=True), ('codes', 'none'), _connector='OR'), name='reward_donation_has_no_code', violation_error_message='A donation has no code.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind__in', ['amount_off', 'percent_off', 'voucher', 'pay_with_points']), _negated=True), models.Q(('codes', 'none'), _negated=True), _connector='OR'), name='reward_for_the_till_has_codes', violation_error_message='What is used at a till has codes: generated ones or those of a pool.'),
                    models.CheckConstraint(condition=models.Q(('granted_only', False), models.Q(('kind__in', ['donation', 'pay_with_points']), _negated=True), _connector='OR'), name='reward_of_any_points_is_not_granted', violation_error_message='Donations and paying with points take points, and are no offers.'),
                    models.CheckConstraint(condition=models.Q(('match_percent', 0), models.Q(('kind', 'donation'), ('match_budget__isnull', False)), _connector='OR'), name='reward_match_has_a_budget', violation_error_message='A match belongs to a donation and has a budget.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RewardBudget',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('limit', customers.core.money.MoneyField(decimal_places=4, max_digits=16, validators=[django.core.validators.MinValueValidator(0)], verbose_name='budget')),
                ('reserved', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='For what members have and have not used.', max_digits=16, verbose_name='reserved')),
                ('spent', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='What was used has cost.', max_digits=16, verbose_name='spent')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'budget of rewards',
                'verbose_name_plural': 'budgets of rewards',
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('limit__gte', django.db.models.expressions.CombinedExpression(models.F('reserved'), '+', models.F('spent')))), name='grant_never_over_budget', violation_error_message='More is reserved and spent than this budget.'),
                    models.CheckConstraint(condition=models.Q(('reserved__gte', 0), ('spent__gte', 0)), name='budget_gives_back_what_it_gave'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RewardCounter',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reward_key', models.UUIDField(verbose_name='reward')),
                ('added', models.IntegerField(default=0, help_text='To the stock that the version says; or taken off.', verbose_name='added')),
                ('taken', models.PositiveIntegerField(default=0, verbose_name='taken')),
                ('matched', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='What the retailer added to donations.', max_digits=16, verbose_name='matched')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'stock of a reward',
                'verbose_name_plural': 'stocks of rewards',
                'constraints': [
                    models.UniqueConstraint(fields=('program', 'reward_key'), name='reward_counted_once'),
                    models.CheckConstraint(condition=models.Q(('taken__gte', 0)), name='reward_taken_never_negative'),
                    models.CheckConstraint(condition=models.Q(('matched__gte', 0)), name='reward_matched_never_negative'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RewardPrice',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(verbose_name='code')),
                ('reward', models.SlugField(help_text='Its code.', verbose_name='reward')),
                ('wallet', models.SlugField(default='points', verbose_name='wallet')),
                ('points', models.PositiveIntegerField(verbose_name='price in points')),
                ('tier', models.SlugField(blank=True, verbose_name='for the tier')),
                ('plan', models.SlugField(blank=True, verbose_name='for the plan')),
                ('segment', models.SlugField(blank=True, verbose_name='for the segment')),
                ('arms', models.JSONField(blank=True, default=dict, help_text='Of an experiment, such as double-points: A, B; empty for everybody.', verbose_name='only for variants')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='reward_prices', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'price of a reward',
                'verbose_name_plural': 'prices of rewards',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='reward_price_once_per_code'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RewardRedemption',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('reward_key', models.UUIDField(editable=False, verbose_name='identity of the reward')),
                ('reference', models.CharField(help_text="The caller's own; once per member.", max_length=190, verbose_name='reference')),
                ('wallet', models.SlugField(db_index=False, verbose_name='wallet')),
                ('points', models.PositiveIntegerField(verbose_name='points')),
                ('price_rule', models.CharField(help_text="Which price it was: list, tier, or a price's code.", max_length=120, verbose_name='price')),
                ('amount', customers.core.money.MoneyField(decimal_places=4, help_text='That it takes off, or that it gave to a cause.', max_digits=16, null=True, verbose_name='amount')),
                ('matched', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='That the retailer added to a donation.', max_digits=16, verbose_name='match')),
                ('status', models.CharField(choices=[('issued', 'issued'), ('in_progress', 'in progress'), ('fulfilled', 'fulfilled'), ('used', 'used'), ('cancelled', 'cancelled'), ('refunded', 'refunded'), ('expired', 'expired'), ('withdrawn', 'withdrawn'), ('forfeited', 'forfeited')], default='issued', max_length=12, verbose_name='status')),
                ('redeemed_at', models.DateTimeField(verbose_name='redeemed')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('expires_at', models.DateTimeField(null=True, verbose_name='ends')),
                ('used_at', models.DateTimeField(null=True, verbose_name='used')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('order_number', models.CharField(blank=True, max_length=100, verbose_name='order')),
                ('is_counted', models.BooleanField(default=False, editable=False, help_text='That it was taken of a stock, a pool or a budget.', verbose_name='counted')),
                ('note', models.CharField(blank=True, help_text="Such as the parcel's number.", max_length=200, verbose_name='note')),
                ('reserved', customers.core.money.MoneyField(decimal_places=4, editable=False, help_text='The most that it may cost, of an offer.', max_digits=16, null=True, verbose_name='reserved')),
                ('spent', customers.core.money.MoneyField(decimal_places=4, editable=False, help_text='What it came to when it was used.', max_digits=16, null=True, verbose_name='cost')),
                ('budget', models.ForeignKey(editable=False, help_text='From which an offer is paid.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='rewards.rewardbudget', verbose_name='budget')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='reward_redemptions', to='memberships.membership', verbose_name='member')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('reward', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='redemptions', to='rewards.reward', verbose_name='reward')),
            ],
            options={
                'verbose_name': 'redeemed reward',
                'verbose_name_plural': 'redeemed rewards',
                'indexes': [
                    models.Index(condition=models.Q(('status__in', ['issued', 'in_progress'])), fields=['membership'], name='reward_redemption_open'),
                    models.Index(fields=['program', '-redeemed_at'], name='reward_redemption_newest'),
                    models.Index(fields=['membership', 'reward_key'], name='reward_redemption_of_member'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'reference'), name='reward_redeemed_once_per_reference'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('status__in', ['issued', 'in_progress']), ('used_at__isnull', True)), models.Q(('ended_at__isnull', True), ('status__in', ['used', 'fulfilled']), ('used_at__isnull', False)), models.Q(('ended_at__isnull', False), ('status__in', ['cancelled', 'refunded', 'expired', 'withdrawn', 'forfeited'])), _connector='OR'), name='reward_redemption_ends_once'),
                    models.CheckConstraint(condition=models.Q(models.Q(('budget__isnull', True), ('reserved__isnull', True)), models.Q(('budget__isnull', False), ('points', 0), ('reserved__isnull', False)), _connector='OR'), name='granted_reward_has_a_reservation'),
                    models.CheckConstraint(condition=models.Q(('spent__isnull', True), ('reserved__isnull', True), ('spent__lte', models.F('reserved')), _connector='OR'), name='granted_reward_costs_what_was_reserved'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RewardCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reward_key', models.UUIDField(verbose_name='reward')),
                ('digest', models.BinaryField(max_length=16)),
                ('sealed', models.BinaryField()),
                ('batch', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='rewards.codebatch', verbose_name='import')),
                ('program', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('redemption', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='codes', to='rewards.rewardredemption', verbose_name='redemption')),
            ],
            options={
                'verbose_name': 'code',
                'verbose_name_plural': 'codes',
                'indexes': [
                    models.Index(condition=models.Q(('redemption__isnull', True)), fields=['program', 'reward_key', 'id'], name='reward_code_in_its_pool'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'digest'), name='reward_code_once'),
                    models.UniqueConstraint(condition=models.Q(('redemption__isnull', False)), fields=('redemption',), name='reward_code_of_one_redemption'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RewardBudgetEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('cause', models.CharField(help_text='Such as a grant, its use, its end.', max_length=80, verbose_name='cause')),
                ('reserved', customers.core.money.MoneyField(decimal_places=4, help_text='Negative where it is reserved no more.', max_digits=16, verbose_name='reserved')),
                ('spent', customers.core.money.MoneyField(decimal_places=4, help_text='Negative where it came back.', max_digits=16, verbose_name='spent')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('budget', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='rewards.rewardbudget', verbose_name='budget')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('redemption', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='budget_entries', to='rewards.rewardredemption', verbose_name='redemption')),
            ],
            options={
                'verbose_name': 'entry of a budget',
                'verbose_name_plural': 'entries of budgets',
                'constraints': [
                    models.UniqueConstraint(fields=('budget', 'cause'), name='budget_entry_once_per_cause'),
                ],
            },
        ),
        migrations.CreateModel(
            name='CauseEntry',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('reward_key', models.UUIDField(verbose_name='cause')),
                ('kind', models.CharField(choices=[('member', 'given by a member'), ('match', 'added by the retailer'), ('payout', 'paid out')], max_length=10, verbose_name='kind')),
                ('amount', customers.core.money.MoneyField(decimal_places=4, help_text='Negative where it was undone; paid out is negative.', max_digits=16, verbose_name='amount')),
                ('document', models.CharField(blank=True, help_text='Of what was paid out.', max_length=100, verbose_name='document')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('redemption', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='cause_entries', to='rewards.rewardredemption', verbose_name='redemption')),
            ],
            options={
                'verbose_name': 'entry of a cause',
                'verbose_name_plural': 'entries of causes',
                'indexes': [
                    models.Index(fields=['program', 'reward_key', 'id'], name='cause_entry_in_order'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('amount', 0), _negated=True), name='cause_entry_is_of_something'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'payout'), ('redemption__isnull', True)), ('redemption__isnull', False), _connector='OR'), name='cause_entry_names_its_redemption'),
                    models.UniqueConstraint(condition=models.Q(('kind', 'payout')), fields=('program', 'reward_key', 'document'), name='cause_paid_once_per_document'),
                ],
            },
        ),
        migrations.CreateModel(
            name='VoucherHold',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('reference', models.CharField(help_text="The till's own; once per voucher.", max_length=80, verbose_name='reference')),
                ('till', models.CharField(blank=True, max_length=50, verbose_name='till')),
                ('status', models.CharField(choices=[('open', 'open'), ('confirmed', 'confirmed'), ('released', 'released'), ('superseded', 'taken over by another till')], default='open', max_length=10, verbose_name='status')),
                ('held_at', models.DateTimeField(verbose_name='held')),
                ('ends_at', models.DateTimeField(help_text='Until then the till may give what the voucher promises.', verbose_name='ends')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('redemption', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='rewards.rewardredemption', verbose_name='redemption')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'hold of a voucher',
                'verbose_name_plural': 'holds of vouchers',
                'constraints': [
                    models.UniqueConstraint(fields=('redemption', 'reference'), name='voucher_hold_once_per_reference'),
                    models.UniqueConstraint(condition=models.Q(('status', 'open')), fields=('redemption',), name='voucher_held_by_one_till'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('status', 'open')), models.Q(models.Q(('status', 'open'), _negated=True), ('ended_at__isnull', False)), _connector='OR'), name='voucher_hold_ends_once'),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='reward',
            trigger=pgtrigger.compiler.Trigger(name='rewards_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='44f8c09fbe9b721f488cf54a2adee54b7c9bb84a', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_rewards_frozen_with_version_51214', table='rewards_reward', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rewardprice',
            trigger=pgtrigger.compiler.Trigger(name='reward_prices_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='96c06a88a572292d83f7570454e214ebc6398b13', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_reward_prices_frozen_with_version_a0593', table='rewards_rewardprice', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rewardbudgetentry',
            trigger=pgtrigger.compiler.Trigger(name='reward_budget_entries_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6fb51c33a8c8205a9f58789762f982695b2e1199', operation='UPDATE OR DELETE', pgid='pgtrigger_reward_budget_entries_are_append_only_0e6cd', table='rewards_rewardbudgetentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='rewardbudgetentry',
            trigger=pgtrigger.compiler.Trigger(name='reward_budget_entries_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='281ff24cd032b8ea52bf8ad4b2d6bea504891fb2', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_reward_budget_entries_never_truncated_f6dbd', table='rewards_rewardbudgetentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='causeentry',
            trigger=pgtrigger.compiler.Trigger(name='cause_entries_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='8c73510347b413a4d7d53fc874466bc153a210ba', operation='UPDATE OR DELETE', pgid='pgtrigger_cause_entries_are_append_only_69f78', table='rewards_causeentry', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='causeentry',
            trigger=pgtrigger.compiler.Trigger(name='cause_entries_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='3ae0aabed04dff4ecb7169345ba3ff6a433d0d4e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_cause_entries_never_truncated_1608f', table='rewards_causeentry', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"rewards_{table}") for table in TABLES),
        own_rows_only("rewards_reward", through("programs_programversion", "version_id")),
        own_rows_only("rewards_rewardprice", through("programs_programversion", "version_id")),
    ]
