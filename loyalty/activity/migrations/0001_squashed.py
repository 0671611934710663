import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

TABLES = (
    "interactiondecision",
    "interactionhold",
    "orderdecision",
    "returndecision",
    "setaside",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("activity", "0009_held_reviews")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("points", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='SetAside',
            fields=[
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='set_aside', serialize=False, to='memberships.membership', verbose_name='member')),
                ('what', models.CharField(help_text='What was to be carried out.', max_length=200, verbose_name='what')),
                ('error', models.TextField(verbose_name='error')),
                ('attempts', models.PositiveIntegerField(default=1, verbose_name='attempts')),
                ('first_failed_at', models.DateTimeField(verbose_name='failed first')),
                ('next_try_at', models.DateTimeField(verbose_name='next try')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'member set aside',
                'verbose_name_plural': 'members set aside',
            },
        ),
        migrations.CreateModel(
            name='InteractionDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.BigIntegerField(verbose_name='points')),
                ('reason', models.CharField(blank=True, max_length=30, verbose_name='reason')),
                ('decided_at', models.DateTimeField(verbose_name='decided')),
                ('interaction', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='customers.interaction', verbose_name='interaction')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'decision on an interaction',
                'verbose_name_plural': 'decisions on interactions',
                'constraints': [models.UniqueConstraint(fields=('interaction', 'program'), name='interaction_decided_once_per_program')],
            },
        ),
        migrations.CreateModel(
            name='InteractionHold',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reason', models.CharField(choices=[('many_by_customer', 'many by one customer'), ('many_on_product', 'many about one product by new customers')], max_length=20, verbose_name='reason')),
                ('counted', models.PositiveIntegerField(help_text='How many there were with it.', verbose_name='number')),
                ('held_at', models.DateTimeField(verbose_name='held')),
                ('decided_at', models.DateTimeField(blank=True, null=True, verbose_name='decided')),
                ('is_approved', models.BooleanField(blank=True, null=True, verbose_name='approved')),
                ('interaction', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='holds', to='customers.interaction', verbose_name='interaction')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'held review',
                'verbose_name_plural': 'held reviews',
                'indexes': [models.Index(condition=models.Q(('decided_at', None)), fields=['retailer', 'held_at'], name='interaction_held_open')],
                'constraints': [models.UniqueConstraint(fields=('interaction',), name='interaction_held_once'), models.CheckConstraint(condition=models.Q(models.Q(('decided_at', None), ('is_approved', None)), models.Q(('decided_at__isnull', False), ('is_approved__isnull', False)), _connector='OR'), name='interaction_hold_is_decided_at_an_instant')],
            },
        ),
        migrations.CreateModel(
            name='NightRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('day', models.DateField(help_text='The day up to whose runs members were advanced.', verbose_name='day')),
                ('until', models.DateTimeField(help_text='The last instant to which time was carried out.', null=True, verbose_name='advanced to')),
                ('members', models.PositiveIntegerField(db_default=0, default=0, verbose_name='members advanced')),
                ('activated', models.BigIntegerField(default=0, verbose_name='points activated')),
                ('expired', models.BigIntegerField(default=0, verbose_name='points expired')),
                ('moved', models.PositiveIntegerField(default=0, verbose_name='changes of tier')),
                ('ran_at', models.DateTimeField(verbose_name='ran')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='nights', to='programs.program', verbose_name='program')),
            ],
            options={
                'verbose_name': 'night',
                'verbose_name_plural': 'nights',
                'constraints': [models.UniqueConstraint(fields=('program', 'day'), name='night_once_per_day')],
            },
        ),
        migrations.CreateModel(
            name='OrderDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occasion', models.JSONField(db_default={}, default=dict, help_text='What besides the basket decided what it earned.', verbose_name='occasion')),
                ('is_first', models.BooleanField(verbose_name='first order')),
                ('is_kept', models.BooleanField(db_default=True, default=True, help_text='Something of it is left.', verbose_name='kept')),
                ('is_forfeited', models.BooleanField(db_default=False, default=False, help_text='What it gave ended with the membership.', verbose_name='forfeited')),
                ('allowance', models.BigIntegerField(help_text='What limits and budget had room for; empty without any.', null=True, verbose_name='allowance')),
                ('reason', models.CharField(blank=True, help_text='Why it gave less or nothing.', max_length=30, verbose_name='reason')),
                ('points', models.BigIntegerField(help_text='What the order gave.', verbose_name='points')),
                ('points_kept', models.BigIntegerField(help_text='What it would have given without what came back.', verbose_name='points kept')),
                ('decided_at', models.DateTimeField(verbose_name='decided')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='memberships.membership', verbose_name='member')),
                ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='customers.order', verbose_name='order')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('version', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.programversion', verbose_name='version')),
                ('wallet', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='points.wallet', verbose_name='wallet')),
            ],
            options={
                'verbose_name': 'decision on an order',
                'verbose_name_plural': 'decisions on orders',
                'indexes': [models.Index(fields=['membership'], name='order_decision_by_member')],
                'constraints': [models.UniqueConstraint(fields=('order', 'wallet'), name='order_decided_once_per_wallet'), models.UniqueConstraint(condition=models.Q(('is_first', True), ('is_kept', True)), fields=('membership', 'wallet'), name='order_first_once_per_member')],
            },
        ),
        migrations.CreateModel(
            name='ReturnDecision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('points', models.BigIntegerField(help_text='What the order keeps less.', verbose_name='points')),
                ('shortfall', models.BigIntegerField(help_text='What was not there to take and is not owed.', verbose_name='shortfall')),
                ('decided_at', models.DateTimeField(verbose_name='decided')),
                ('order_return', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='decisions', to='customers.return', verbose_name='return')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'decision on a return',
                'verbose_name_plural': 'decisions on returns',
                'constraints': [models.UniqueConstraint(fields=('order_return', 'program'), name='return_decided_once_per_program')],
            },
        ),
        ]),
        *(own_rows_only(f"activity_{table}") for table in TABLES),
        own_rows_only("activity_nightrun", through("programs_program", "program_id")),
    ]
