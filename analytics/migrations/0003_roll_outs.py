import customers.core.money
import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('analytics', '0002_media_costs'),
        ('customers', '0001_squashed'),
    ]

    operations = [
        migrations.CreateModel(
            name='RollOutRun',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('status', models.CharField(choices=[('asked', 'waits'), ('done', 'done'), ('refused', 'not measured'), ('failed', 'failed')], default='asked', max_length=8, verbose_name='status')),
                ('code', models.CharField(blank=True, editable=False, max_length=40, verbose_name='reason')),
                ('details', models.JSONField(default=dict, editable=False, verbose_name='figures of the reason')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='asked by')),
                ('stores', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=50), size=None, verbose_name='stores with it')),
                ('began_on', models.DateField(verbose_name='began on')),
                ('metric', models.CharField(choices=[('revenue', 'revenue'), ('margin', 'margin')], default='revenue', max_length=7, verbose_name='metric')),
                ('plan', models.JSONField(default=dict, verbose_name='frozen plan')),
                ('plan_digest', models.CharField(max_length=64, verbose_name='hash of the plan')),
                ('known_at', models.DateTimeField(verbose_name='as recorded until')),
                ('code_version', models.CharField(max_length=40, verbose_name='version of the code')),
                ('data_digest', models.CharField(blank=True, max_length=64, verbose_name='hash of the data')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('basis', models.CharField(blank=True, max_length=20, verbose_name='what is measured')),
                ('result', models.JSONField(editable=False, null=True, verbose_name='result')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('finished_at', models.DateTimeField(null=True, verbose_name='finished')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='roll_out_runs', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'roll-out in stores',
                'verbose_name_plural': 'roll-outs in stores',
                'indexes': [models.Index(fields=['retailer', '-id'], name='roll_out_newest_first')],
                'constraints': [models.CheckConstraint(condition=models.Q(models.Q(('status', 'done'), _negated=True), ('result__isnull', False), _connector='OR'), name='roll_out_done_has_a_result'), models.CheckConstraint(condition=models.Q(('stores__len__gte', 1)), name='roll_out_names_a_store'), models.CheckConstraint(condition=models.Q(('plan_digest', ''), _negated=True), name='roll_out_has_a_frozen_plan')],
            },
        ),
        own_rows_only('analytics_rolloutrun'),
    ]
