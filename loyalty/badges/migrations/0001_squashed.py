import customers.core.ids
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import loyalty.points.models.policy
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

TABLES = (
    "boardscore",
    "challengeaward",
    "contestfinish",
    "contestprize",
    "givenbadge",
    "memberprogress",
    "participation",
    "pastwindow",
    "surprise",
    "surpriseticket",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("badges", "0004_gifts_not_given")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='Badge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text='Its identity from version to version.')),
                ('code', models.SlugField(help_text='May be renamed: members keep the badge.', verbose_name='code')),
                ('place', models.PositiveSmallIntegerField(default=0, help_text='Among the badges, from 0.', verbose_name='place')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('description_fr', models.TextField(blank=True, verbose_name='description in French')),
                ('image', models.CharField(blank=True, help_text='Its address, the name of one that was uploaded, or the name by which your own pages know it.', max_length=300, validators=[django.core.validators.RegexValidator('^(https?://[^\\s\\"\'<>]+|[-\\w.]+|images/[0-9]+/[0-9a-f]{32}\\.webp)$')], verbose_name='image')),
                ('kind', models.CharField(choices=[('once', 'once'), ('repeatable', 'again and again'), ('levelled', 'in levels')], default='once', max_length=10, verbose_name='given')),
                ('levels', models.JSONField(blank=True, default=list, help_text='Of a badge in levels: how many times each takes, such as [{"times": 3, "name": "Silver"}].', verbose_name='levels')),
                ('points', models.PositiveIntegerField(default=0, help_text='That it gives each time, or with each level.', verbose_name='points')),
                ('takes_back', models.BooleanField(default=True, help_text='With its challenge’s points, when what met the challenge is returned.', verbose_name='a return takes it back')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='badges', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'badge',
                'verbose_name_plural': 'badges',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='badge_once_per_code'),
                    models.UniqueConstraint(fields=('version', 'key'), name='badge_once_per_key'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'levelled'), _negated=True), models.Q(('levels', []), _negated=True), _connector='OR'), name='badge_in_levels_has_levels', violation_error_message='A badge in levels says how many times each level takes.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Board',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text='Its identity from version to version.')),
                ('code', models.SlugField(help_text='May be renamed: members keep their progress.', verbose_name='code')),
                ('place', models.PositiveSmallIntegerField(default=0, help_text='As members see them, from 0.', verbose_name='place')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('description_fr', models.TextField(blank=True, verbose_name='description in French')),
                ('image', models.CharField(blank=True, help_text='Its address, the name of one that was uploaded, or the name by which your own pages know it.', max_length=300, validators=[django.core.validators.RegexValidator('^(https?://[^\\s\\"\'<>]+|[-\\w.]+|images/[0-9]+/[0-9a-f]{32}\\.webp)$')], verbose_name='image')),
                ('metric', models.CharField(choices=[('count', 'how many orders, or interactions'), ('spend', 'money spent'), ('points', 'points earned'), ('categories', 'different categories'), ('brands', 'different brands'), ('stores', 'different stores'), ('days', 'different days'), ('day_streak', 'days in a row'), ('week_streak', 'weeks in a row')], default='count', max_length=12, verbose_name='counts')),
                ('interaction', models.CharField(blank=True, choices=[('visit', 'visit'), ('product_view', 'product view'), ('cart_abandoned', 'cart abandoned'), ('review', 'review'), ('photo', 'photo'), ('nps', 'answer to an NPS survey'), ('csat', 'answer to a satisfaction survey'), ('support', 'contact with support'), ('share', 'share'), ('event', 'event attended')], help_text='The kind that counts; empty for orders.', max_length=20, verbose_name='interaction')),
                ('condition', models.JSONField(blank=True, default=dict, help_text='Which lines of which orders count; empty for all.', validators=[loyalty.points.models.policy.validate_condition], verbose_name='condition')),
                ('window', models.CharField(choices=[('fixed', 'from a day through a day'), ('week', 'each week from Monday'), ('month', 'each month'), ('quarter', 'each quarter'), ('year', 'each year'), ('rolling', 'the last days'), ('membership', 'since joining')], default='membership', max_length=10, verbose_name='over')),
                ('window_days', models.PositiveSmallIntegerField(default=30, help_text='Of a window of the last days.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)], verbose_name='days')),
                ('first_day', models.DateField(blank=True, null=True, verbose_name='from the day')),
                ('last_day', models.DateField(blank=True, null=True, verbose_name='through the day')),
                ('tiers', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes; empty for everybody. The tier of the order’s day decides.', size=None, verbose_name='only for tiers')),
                ('plans', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes; empty for everybody.', size=None, verbose_name='only for plans')),
                ('arms', models.JSONField(blank=True, default=dict, help_text='Of an experiment, such as double-points: A, B; empty for everybody.', verbose_name='only for variants')),
                ('prizes', models.JSONField(blank=True, default=list, help_text='Of a contest: points by rank when a window has ended, such as [{"rank": 1, "through": 3, "points": 500}].', verbose_name='prizes')),
                ('settle_days', models.PositiveSmallIntegerField(default=0, help_text='After the window’s last day, for what is told late and what comes back.', validators=[django.core.validators.MaxValueValidator(45)], verbose_name='days until prizes')),
                ('wallet', models.SlugField(default='points', help_text='Where prizes go.', verbose_name='wallet')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='boards', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'leaderboard',
                'verbose_name_plural': 'leaderboards',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='board_once_per_code'),
                    models.UniqueConstraint(fields=('version', 'key'), name='board_once_per_key'),
                    models.CheckConstraint(condition=models.Q(models.Q(('window', 'fixed'), _negated=True), ('first_day__isnull', False), ('last_day__isnull', False), _connector='OR'), name='board_of_fixed_days_names_one', violation_error_message='A window from a day through a day names one of them, or both.'),
                    models.CheckConstraint(condition=models.Q(('first_day__isnull', True), ('last_day__isnull', True), ('first_day__lte', models.F('last_day')), _connector='OR'), name='board_begins_before_it_ends', violation_error_message='It ends before it begins. Swap its days.'),
                    models.CheckConstraint(condition=models.Q(('interaction', ''), models.Q(('metric__in', ['spend', 'categories', 'brands', 'stores']), _negated=True), _connector='OR'), name='board_of_interactions_counts_them', violation_error_message='Interactions have no amount, no category, no brand and no store to count.'),
                    models.CheckConstraint(condition=models.Q(('window', 'rolling'), _negated=True), name='board_is_not_of_last_days', violation_error_message='A leaderboard has a beginning and an end, or neither: not the last days.'),
                    models.CheckConstraint(condition=models.Q(('prizes', []), models.Q(models.Q(('window', 'membership'), _negated=True), models.Q(('last_day', None), ('window', 'fixed'), _negated=True)), _connector='OR'), name='board_with_prizes_has_an_end', violation_error_message='A contest has an end: choose a window that ends, and its last day.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='BoardScore',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(editable=False, help_text='The key of the leaderboard.', max_length=32)),
                ('window', models.CharField(blank=True, db_column='window_name', max_length=24, verbose_name='window')),
                ('score', models.BigIntegerField(verbose_name='score')),
                ('reached_at', models.DateTimeField(help_text='Since when it has this score.', verbose_name='reached')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='scores', to='memberships.membership', verbose_name='member')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'score',
                'verbose_name_plural': 'scores',
                'indexes': [
                    models.Index(fields=['program', 'name', 'window', '-score', 'reached_at', 'membership'], name='score_by_rank'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'name', 'window'), name='score_once_per_window'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Challenge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text='Its identity from version to version.')),
                ('code', models.SlugField(help_text='May be renamed: members keep their progress.', verbose_name='code')),
                ('place', models.PositiveSmallIntegerField(default=0, help_text='As members see them, from 0.', verbose_name='place')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('description', models.TextField(blank=True, verbose_name='description')),
                ('description_fr', models.TextField(blank=True, verbose_name='description in French')),
                ('image', models.CharField(blank=True, help_text='Its address, the name of one that was uploaded, or the name by which your own pages know it.', max_length=300, validators=[django.core.validators.RegexValidator('^(https?://[^\\s\\"\'<>]+|[-\\w.]+|images/[0-9]+/[0-9a-f]{32}\\.webp)$')], verbose_name='image')),
                ('metric', models.CharField(choices=[('count', 'how many orders, or interactions'), ('spend', 'money spent'), ('points', 'points earned'), ('categories', 'different categories'), ('brands', 'different brands'), ('stores', 'different stores'), ('days', 'different days'), ('day_streak', 'days in a row'), ('week_streak', 'weeks in a row')], default='count', max_length=12, verbose_name='counts')),
                ('interaction', models.CharField(blank=True, choices=[('visit', 'visit'), ('product_view', 'product view'), ('cart_abandoned', 'cart abandoned'), ('review', 'review'), ('photo', 'photo'), ('nps', 'answer to an NPS survey'), ('csat', 'answer to a satisfaction survey'), ('support', 'contact with support'), ('share', 'share'), ('event', 'event attended')], help_text='The kind that counts; empty for orders.', max_length=20, verbose_name='interaction')),
                ('condition', models.JSONField(blank=True, default=dict, help_text='Which lines of which orders count; empty for all.', validators=[loyalty.points.models.policy.validate_condition], verbose_name='condition')),
                ('window', models.CharField(choices=[('fixed', 'from a day through a day'), ('week', 'each week from Monday'), ('month', 'each month'), ('quarter', 'each quarter'), ('year', 'each year'), ('rolling', 'the last days'), ('membership', 'since joining')], default='membership', max_length=10, verbose_name='over')),
                ('window_days', models.PositiveSmallIntegerField(default=30, help_text='Of a window of the last days.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)], verbose_name='days')),
                ('first_day', models.DateField(blank=True, null=True, verbose_name='from the day')),
                ('last_day', models.DateField(blank=True, null=True, verbose_name='through the day')),
                ('tiers', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes; empty for everybody. The tier of the order’s day decides.', size=None, verbose_name='only for tiers')),
                ('plans', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes; empty for everybody.', size=None, verbose_name='only for plans')),
                ('arms', models.JSONField(blank=True, default=dict, help_text='Of an experiment, such as double-points: A, B; empty for everybody.', verbose_name='only for variants')),
                ('target', models.DecimalField(decimal_places=4, default=1, help_text='How much of what is counted.', max_digits=14, validators=[django.core.validators.MinValueValidator(0)], verbose_name='target')),
                ('further', models.JSONField(blank=True, default=list, help_text='Such as [{"metric": "stores", "target": 3}], each with a condition of its own.', verbose_name='further goals')),
                ('combination', models.CharField(choices=[('all', 'all of them'), ('any', 'any of them')], default='all', help_text='Where it has further goals.', max_length=3, verbose_name='asks for')),
                ('levels', models.JSONField(blank=True, default=list, help_text='Of a challenge with one goal, such as [{"target": 3, "points": 10}, {"target": 10, "points": 50}].', verbose_name='levels')),
                ('repeats', models.BooleanField(default=False, help_text='Within one window, each time that the target is met anew.', verbose_name='again and again')),
                ('segments', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their names; empty for everybody.', size=None, verbose_name='only for segments')),
                ('opt_in', models.BooleanField(default=False, help_text='What they do counts from then on; else it counts by itself.', verbose_name='members join it')),
                ('points', models.PositiveIntegerField(default=0, help_text='Of one without levels.', verbose_name='points')),
                ('wallet', models.SlugField(default='points', help_text='Where the points go.', verbose_name='wallet')),
                ('badge', models.SlugField(blank=True, help_text='The code of the badge that it gives; empty for none.', verbose_name='badge')),
                ('takes_back', models.BooleanField(default=True, help_text='Of a challenge without a badge; where it gives one, the badge says.', verbose_name='a return takes it back')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='challenges', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'challenge',
                'verbose_name_plural': 'challenges',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'code'), name='challenge_once_per_code'),
                    models.UniqueConstraint(fields=('version', 'key'), name='challenge_once_per_key'),
                    models.CheckConstraint(condition=models.Q(models.Q(('window', 'fixed'), _negated=True), ('first_day__isnull', False), ('last_day__isnull', False), _connector='OR'), name='challenge_of_fixed_days_names_one', violation_error_message='A window from a day through a day names one of them, or both.'),
                    models.CheckConstraint(condition=models.Q(('first_day__isnull', True), ('last_day__isnull', True), ('first_day__lte', models.F('last_day')), _connector='OR'), name='challenge_begins_before_it_ends', violation_error_message='It ends before it begins. Swap its days.'),
                    models.CheckConstraint(condition=models.Q(('interaction', ''), models.Q(('metric__in', ['spend', 'categories', 'brands', 'stores']), _negated=True), _connector='OR'), name='challenge_of_interactions_counts_them', violation_error_message='Interactions have no amount, no category, no brand and no store to count.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('window', 'rolling'), _negated=True), models.Q(('metric__in', ['day_streak', 'week_streak']), _negated=True), _connector='OR'), name='challenge_of_last_days_has_no_streak', violation_error_message='What follows in a row is counted since joining, or within fixed days, not the last days.'),
                    models.CheckConstraint(condition=models.Q(('target__gt', 0)), name='challenge_asks_for_something'),
                    models.CheckConstraint(condition=models.Q(('levels', []), models.Q(('further', []), ('repeats', False)), _connector='OR'), name='challenge_in_levels_has_one_goal', violation_error_message='A challenge in levels has one goal, and is not repeated within its window.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ChallengeAward',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(editable=False, help_text='The key of the challenge.', max_length=32)),
                ('badge_key', models.UUIDField(editable=False, null=True)),
                ('window', models.CharField(blank=True, db_column='window_name', max_length=24, verbose_name='window')),
                ('number', models.PositiveIntegerField(help_text='The how manieth it is of its window.', verbose_name='number')),
                ('level', models.PositiveSmallIntegerField(default=0, verbose_name='level')),
                ('wallet', models.SlugField(db_index=False, verbose_name='wallet')),
                ('points', models.PositiveBigIntegerField(verbose_name='points')),
                ('comes_back', models.BooleanField(verbose_name='a return takes it back')),
                ('cause', models.CharField(max_length=100, verbose_name='cause')),
                ('occurred_at', models.DateTimeField(verbose_name='when')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('end_reason', models.CharField(blank=True, choices=[('returned', 'what met it was returned'), ('left', 'the member left the program')], max_length=10, verbose_name='why it ended')),
                ('end_cause', models.CharField(blank=True, max_length=100, verbose_name='cause of the end')),
                ('missing', models.PositiveBigIntegerField(default=0, help_text='That were to be taken back and were not there.', verbose_name='points missing')),
                ('badge', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='awards', to='badges.badge', verbose_name='badge')),
                ('challenge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='awards', to='badges.challenge', verbose_name='challenge')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='awards', to='memberships.membership', verbose_name='member')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'award',
                'verbose_name_plural': 'awards',
                'indexes': [
                    models.Index(fields=['membership', 'id'], name='award_of_member'),
                    models.Index(fields=['program', '-occurred_at'], name='award_newest'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('membership', 'name', 'window', 'number'), name='award_once_per_window_and_number'),
                    models.CheckConstraint(condition=models.Q(models.Q(('end_reason', ''), ('ended_at__isnull', True)), models.Q(('ended_at__isnull', False), models.Q(('end_reason', ''), _negated=True)), _connector='OR'), name='award_that_ended_says_why'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ContestFinish',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(editable=False, help_text='The key of the leaderboard.', max_length=32)),
                ('window', models.CharField(blank=True, db_column='window_name', max_length=24, verbose_name='window')),
                ('members', models.PositiveIntegerField(help_text='Who had a score.', verbose_name='members')),
                ('finished_at', models.DateTimeField(verbose_name='finished')),
                ('board', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='finishes', to='badges.board', verbose_name='leaderboard')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'finished contest',
                'verbose_name_plural': 'finished contests',
                'constraints': [
                    models.UniqueConstraint(fields=('program', 'name', 'window'), name='contest_finished_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ContestPrize',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.PositiveIntegerField(verbose_name='rank')),
                ('score', models.BigIntegerField(verbose_name='score')),
                ('reached_at', models.DateTimeField(verbose_name='reached')),
                ('points', models.PositiveIntegerField(verbose_name='points')),
                ('finish', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='prizes', to='badges.contestfinish', verbose_name='contest')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='prizes', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'prize',
                'verbose_name_plural': 'prizes',
                'indexes': [
                    models.Index(fields=['finish', 'rank'], name='prize_by_rank'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('finish', 'membership'), name='prize_once_per_member'),
                ],
            },
        ),
        migrations.CreateModel(
            name='GivenBadge',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('badge_key', models.UUIDField(editable=False)),
                ('given_at', models.DateTimeField(verbose_name='given')),
                ('given_by', models.CharField(max_length=150, verbose_name='given by')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('taken_at', models.DateTimeField(null=True, verbose_name='taken away')),
                ('taken_by', models.CharField(blank=True, max_length=150, verbose_name='taken away by')),
                ('taken_reason', models.CharField(blank=True, max_length=500, verbose_name='why it was taken away')),
                ('badge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='given', to='badges.badge', verbose_name='badge')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='given_badges', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'badge given by staff',
                'verbose_name_plural': 'badges given by staff',
                'indexes': [
                    models.Index(condition=models.Q(('taken_at__isnull', True)), fields=['badge_key'], name='badge_given_by_staff'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('taken_at__isnull', True)), fields=('membership', 'badge_key'), name='badge_given_by_staff_once'),
                    models.CheckConstraint(condition=models.Q(('taken_at__isnull', False), ('taken_by', ''), _connector='OR'), name='badge_taken_away_says_when'),
                ],
            },
        ),
        migrations.CreateModel(
            name='MemberProgress',
            fields=[
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='badge_progress', serialize=False, to='memberships.membership', verbose_name='member')),
                ('state', models.JSONField(default=dict, verbose_name='progress')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'progress',
                'verbose_name_plural': 'progress',
            },
        ),
        migrations.CreateModel(
            name='Participation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(editable=False, help_text='The key of the challenge or of the leaderboard.', max_length=32)),
                ('pseudonym', models.CharField(blank=True, max_length=30, verbose_name='shown as')),
                ('joined_at', models.DateTimeField(verbose_name='joined')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='participations', to='memberships.membership', verbose_name='member')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'participation',
                'verbose_name_plural': 'participations',
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'name'), name='participation_once_per_member'),
                    models.UniqueConstraint(models.F('name'), django.db.models.functions.text.Lower('pseudonym'), condition=models.Q(('pseudonym', ''), _negated=True), name='pseudonym_once_on_a_board'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PastWindow',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(help_text='The key of the challenge or of the leaderboard.', max_length=32, verbose_name='of')),
                ('window', models.CharField(db_column='window_name', max_length=24, verbose_name='window')),
                ('last_day', models.DateField(verbose_name='last day')),
                ('state', models.JSONField(default=list, verbose_name='progress')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='past_windows', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'past window',
                'verbose_name_plural': 'past windows',
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'name', 'window'), name='past_window_once_per_member'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Surprise',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(verbose_name='code')),
                ('name', models.CharField(help_text='As members read it.', max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('seed', models.BigIntegerField(default=1, help_text='Any number: with the same one the same are drawn.', verbose_name='seed')),
                ('wallet', models.SlugField(default='points', verbose_name='wallet')),
                ('points', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='points of a gift')),
                ('budget', models.PositiveIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='budget in points')),
                ('tiers', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes; empty for everybody.', size=None, verbose_name='only for tiers')),
                ('segments', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their names; empty for everybody.', size=None, verbose_name='only for segments')),
                ('bought_within_days', models.PositiveSmallIntegerField(blank=True, help_text='Only who did; empty for everybody.', null=True, verbose_name='bought within days')),
                ('members', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=30), blank=True, default=list, help_text='Their numbers, with commas between; empty for all members.', size=None, verbose_name='only these members')),
                ('status', models.CharField(choices=[('draft', 'not drawn yet'), ('drawn', 'drawn; gifts are on their way'), ('given', 'given')], default='draft', editable=False, max_length=5, verbose_name='status')),
                ('candidates', models.PositiveIntegerField(default=0, editable=False, verbose_name='candidates')),
                ('drawn_at', models.DateTimeField(editable=False, null=True, verbose_name='drawn')),
                ('drawn_by', models.CharField(blank=True, editable=False, max_length=150, verbose_name='drawn by')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='surprises', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'surprise',
                'verbose_name_plural': 'surprises',
                'constraints': [
                    models.UniqueConstraint(fields=('program', 'code'), name='surprise_once_per_code'),
                    models.CheckConstraint(condition=models.Q(('budget__gte', models.F('points')), ('budget__lte', 1000000000), ('points__gte', 1)), name='surprise_budget_pays_a_gift', violation_error_message='The budget pays one gift at least.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('drawn_at__isnull', True), ('status', 'draft')), models.Q(models.Q(('status', 'draft'), _negated=True), ('drawn_at__isnull', False)), _connector='OR'), name='surprise_drawn_has_an_instant'),
                ],
            },
        ),
        migrations.CreateModel(
            name='SurpriseTicket',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.CharField(help_text='At the time of the draw.', max_length=30, verbose_name='member’s number')),
                ('lot', models.CharField(max_length=64, verbose_name='lot')),
                ('place', models.PositiveIntegerField(verbose_name='place')),
                ('is_drawn', models.BooleanField(verbose_name='drawn')),
                ('given_at', models.DateTimeField(null=True, verbose_name='given')),
                ('missed_at', models.DateTimeField(help_text='When it was to be given, and was not.', null=True, verbose_name='not given')),
                ('missed_because', models.CharField(blank=True, choices=[('left', 'had left by then'), ('withheld', 'was held out of benefits by then')], db_default='', max_length=8, verbose_name='why it was not given')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('surprise', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='tickets', to='badges.surprise', verbose_name='surprise')),
            ],
            options={
                'verbose_name': 'lot of a surprise',
                'verbose_name_plural': 'lots of surprises',
                'indexes': [
                    models.Index(condition=models.Q(('given_at__isnull', True), ('is_drawn', True), ('missed_at__isnull', True)), fields=['surprise', 'place'], name='lot_to_be_given'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('surprise', 'membership'), name='lot_once_per_member'),
                    models.UniqueConstraint(fields=('surprise', 'place'), name='lot_once_per_place'),
                    models.CheckConstraint(condition=models.Q(('given_at__isnull', True), ('is_drawn', True), _connector='OR'), name='lot_given_was_drawn'),
                    models.CheckConstraint(condition=models.Q(models.Q(('missed_at__isnull', True), ('missed_because', '')), models.Q(('given_at__isnull', True), ('is_drawn', True), ('missed_at__isnull', False), models.Q(('missed_because', ''), _negated=True)), _connector='OR'), name='lot_missed_was_drawn_and_says_why'),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='badge',
            trigger=pgtrigger.compiler.Trigger(name='badges_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='bc55718300bebc8a0832095138fbcafe8858b45d', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_badges_frozen_with_version_c77c8', table='badges_badge', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='board',
            trigger=pgtrigger.compiler.Trigger(name='boards_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='940b3a6243310558753e5c5d167d05c7d7089578', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_boards_frozen_with_version_d7af6', table='badges_board', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='challenge',
            trigger=pgtrigger.compiler.Trigger(name='challenges_frozen_with_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM programs_programversion v\n    WHERE v.status <> 'draft' AND v.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)\n) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change rows of a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='eadfeb3fa46449142ea936f2eb47c1595d242738', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_challenges_frozen_with_version_1dcdf', table='badges_challenge', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contestfinish',
            trigger=pgtrigger.compiler.Trigger(name='contest_finishes_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='71f24ba9b94b64acff86f02c1292b1871a990f64', operation='UPDATE OR DELETE', pgid='pgtrigger_contest_finishes_are_append_only_e8181', table='badges_contestfinish', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contestfinish',
            trigger=pgtrigger.compiler.Trigger(name='contest_finishes_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='1445ca979b0cb21f4a495e655abb0d000d18572d', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_contest_finishes_never_truncated_b50b5', table='badges_contestfinish', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contestprize',
            trigger=pgtrigger.compiler.Trigger(name='contest_prizes_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='038b177f45e27625a95b5a2abda544e54411c0db', operation='UPDATE OR DELETE', pgid='pgtrigger_contest_prizes_are_append_only_01476', table='badges_contestprize', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='contestprize',
            trigger=pgtrigger.compiler.Trigger(name='contest_prizes_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='1204811a8c61be558d6aa9b79e16e1ac852dfd05', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_contest_prizes_never_truncated_d4e04', table='badges_contestprize', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"badges_{table}") for table in TABLES),
        own_rows_only("badges_badge", through("programs_programversion", "version_id")),
        own_rows_only("badges_board", through("programs_programversion", "version_id")),
        own_rows_only("badges_challenge", through("programs_programversion", "version_id")),
    ]
