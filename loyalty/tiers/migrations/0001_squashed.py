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
    "standing",
    "tierchange",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("tiers", "0011_arms")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='Tier',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text='Its identity from version to version.')),
                ('code', models.SlugField(help_text='May be renamed: members keep the tier.', verbose_name='code')),
                ('name', models.CharField(max_length=50, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=50, verbose_name='name in French')),
                ('rank', models.PositiveSmallIntegerField(default=0, help_text='From the lowest, 0, to the highest.', verbose_name='place')),
                ('threshold', customers.core.money.MoneyField(decimal_places=4, help_text='Of what the tiers count within the window; 0 for everybody.', max_digits=16, validators=[django.core.validators.MinValueValidator(0)], verbose_name='from')),
                ('also_spend', customers.core.money.MoneyField(blank=True, decimal_places=4, max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='money spent')),
                ('also_points', models.PositiveBigIntegerField(blank=True, null=True, verbose_name='points earned')),
                ('also_orders', models.PositiveIntegerField(blank=True, null=True, verbose_name='orders')),
                ('also_visits', models.PositiveIntegerField(blank=True, null=True, verbose_name='visits')),
                ('multiplier', models.DecimalField(decimal_places=3, default=1, help_text='Of earned points: 1.5 is half again as much.', max_digits=6, validators=[django.core.validators.MinValueValidator(0)], verbose_name='multiplier')),
                ('entry_gift', models.PositiveIntegerField(default=0, help_text='Given with each entry; taken back, if unspent, when a return undoes the entry.', verbose_name='points on entry')),
                ('extra_months', models.PositiveSmallIntegerField(default=0, help_text='By so many months, where points expire on a date.', verbose_name='points live longer')),
                ('reward_discount', models.DecimalField(decimal_places=2, default=0, max_digits=5, validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(100)], verbose_name='rewards cheaper by percent')),
                ('free_shipping', models.BooleanField(default=False, verbose_name='free shipping')),
                ('early_access', models.BooleanField(default=False, verbose_name='early access')),
                ('benefits', models.TextField(blank=True, help_text='One per line, as members read them.', verbose_name='benefits')),
                ('benefits_fr', models.TextField(blank=True, verbose_name='benefits in French')),
                ('arms', models.JSONField(blank=True, default=dict, help_text='Of an experiment, such as double-points: A, B; empty for everybody.', verbose_name='only for variants')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='tiers', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'tier',
                'verbose_name_plural': 'tiers',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='tier_once_per_code'),
                    models.UniqueConstraint(fields=('version', 'key'), name='tier_once_per_key'),
                    models.UniqueConstraint(deferrable=django.db.models.constraints.Deferrable['DEFERRED'], fields=('version', 'rank'), name='tier_once_per_rank'),
                    models.CheckConstraint(condition=models.Q(('threshold__gte', 0)), name='tier_threshold_never_negative'),
                    models.CheckConstraint(condition=models.Q(('multiplier__gte', 0)), name='tier_multiplier_never_negative'),
                    models.CheckConstraint(condition=models.Q(('reward_discount__range', (0, 100))), name='tier_discount_is_a_percentage'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Standing',
            fields=[
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='standing', serialize=False, to='memberships.membership', verbose_name='member')),
                ('since', models.DateTimeField(null=True, verbose_name='since')),
                ('gifts_missing', models.BigIntegerField(db_default=0, default=0, help_text='Of gifts that were to be taken back, what was not there: the next gifts are less by it.', verbose_name='gifts missing')),
                ('protected_until', models.DateField(help_text='The first day on which the tier may be lost: the end of its period, or of its grace.', null=True, verbose_name='protected until')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('tier', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='standings', to='tiers.tier', verbose_name='tier')),
            ],
            options={
                'verbose_name': 'standing',
                'verbose_name_plural': 'standings',
                'indexes': [
                    models.Index(fields=['program', 'tier'], name='standing_by_tier'),
                    models.Index(condition=models.Q(('protected_until__isnull', False)), fields=['program', 'protected_until'], name='standing_by_its_end'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('gifts_missing__gte', 0)), name='standing_gifts_missing_never_negative'),
                ],
            },
        ),
        migrations.CreateModel(
            name='TierChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('cause', models.CharField(max_length=100, verbose_name='cause')),
                ('qualifying', customers.core.money.MoneyField(decimal_places=4, help_text='Money or points within the window at that moment.', max_digits=16, verbose_name='qualifying')),
                ('protected_until', models.DateField(help_text='The first day on which the tier before could have been lost: the end of a period or of a grace.', null=True, verbose_name='protected until')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('from_tier', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tiers.tier', verbose_name='from')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tier_changes', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('to_tier', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='tiers.tier', verbose_name='to')),
            ],
            options={
                'verbose_name': 'tier change',
                'verbose_name_plural': 'tier changes',
                'indexes': [
                    models.Index(fields=['membership', '-id'], name='tier_change_newest_first'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'cause'), name='tier_change_once_per_cause'),
                ],
            },
        ),
        migrations.CreateModel(
            name='TierPolicy',
            fields=[
                ('version', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='tier_policy', serialize=False, to='programs.programversion')),
                ('basis', models.CharField(choices=[('spend', 'money spent, net of returns'), ('points', 'points earned, net of returns'), ('orders', 'orders, but for those that came back as a whole'), ('visits', 'visits'), ('balance', 'points that can be spent now')], default='spend', max_length=10, verbose_name='counted')),
                ('wallet', models.SlugField(default='points', help_text='Whose points count.', verbose_name='wallet')),
                ('window', models.CharField(choices=[('rolling', 'the last months'), ('calendar_year', 'the calendar year'), ('membership_year', 'the year of membership'), ('lifetime', 'all time')], default='rolling', max_length=20, verbose_name='over')),
                ('window_months', models.PositiveSmallIntegerField(default=12, help_text='Of a rolling window.', validators=[django.core.validators.MinValueValidator(1)], verbose_name='months')),
                ('combination', models.CharField(choices=[('all', 'all of them, besides the threshold'), ('any', 'any of them, or the threshold')], default='all', help_text='Which of a tier’s further conditions a member must meet.', max_length=5, verbose_name='further conditions')),
                ('downgrade', models.CharField(choices=[('at_once', 'in the night after it stops qualifying'), ('grace', 'after a grace period'), ('period_end', 'at the end of the period'), ('never', 'never')], default='at_once', max_length=12, verbose_name='a member falls')),
                ('grace_days', models.PositiveSmallIntegerField(default=0, help_text='After the day on which it stopped qualifying.', verbose_name='days of grace')),
                ('grace_to_month_end', models.BooleanField(default=False, verbose_name='through the end of that month')),
                ('soft_landing', models.BooleanField(default=False, help_text='Otherwise straight to the tier that it has earned.', verbose_name='one tier at a time')),
            ],
            options={
                'verbose_name': 'tier policy',
                'verbose_name_plural': 'tier policies',
                'constraints': [models.CheckConstraint(condition=models.Q(('window_months__gte', 1)), name='tier_window_has_a_month'), models.CheckConstraint(condition=models.Q(models.Q(('downgrade', 'grace'), _negated=True), ('grace_days__gte', 1), ('grace_to_month_end', True), _connector='OR'), name='tier_grace_has_a_day', violation_error_message='A grace has at least one day, or runs through the end of the month.')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='tierpolicy',
            trigger=pgtrigger.compiler.Trigger(name='tier_policies_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='b1f793bd746912d19d1e276791323c664dd4e898', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_tier_policies_frozen_with_version_f6f5c', table='tiers_tierpolicy', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='tier',
            trigger=pgtrigger.compiler.Trigger(name='tiers_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='189e05924fbe27b147075e58c3a595023797ae81', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_tiers_frozen_with_version_0772e', table='tiers_tier', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='tierchange',
            trigger=pgtrigger.compiler.Trigger(name='tier_changes_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='5c8fe46dfa4da95076f13ef5e526b8fba5ef6414', operation='UPDATE OR DELETE', pgid='pgtrigger_tier_changes_are_append_only_00950', table='tiers_tierchange', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='tierchange',
            trigger=pgtrigger.compiler.Trigger(name='tier_changes_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='9a38278cdf5d26136d01ae5faf235ab59572540b', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_tier_changes_never_truncated_d2735', table='tiers_tierchange', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"tiers_{table}") for table in TABLES),
        own_rows_only("tiers_tier", through("programs_programversion", "version_id")),
        own_rows_only("tiers_tierpolicy", through("programs_programversion", "version_id")),
    ]
