import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only



class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("planning", "0001_initial")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        migrations.CreateModel(
            name='Simulation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('revision', models.UUIDField(help_text='The state of the version that was simulated.')),
                ('since', models.DateField(verbose_name='from')),
                ('until', models.DateField(verbose_name='through')),
                ('status', models.CharField(choices=[('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('cancelled', 'cancelled'), ('failed', 'failed')], default='waiting', max_length=10, verbose_name='status')),
                ('members_done', models.PositiveIntegerField(default=0, verbose_name='members done')),
                ('members_total', models.PositiveIntegerField(default=0, verbose_name='members')),
                ('orders_done', models.PositiveIntegerField(default=0, verbose_name='orders done')),
                ('cancel_asked', models.BooleanField(default=False, verbose_name='to be cancelled')),
                ('result', models.JSONField(null=True, verbose_name='result')),
                ('failure', models.TextField(blank=True, verbose_name='failure')),
                ('author', models.CharField(blank=True, max_length=150, verbose_name='by')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('touched_at', models.DateTimeField(verbose_name='last progress')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='simulations', to='customers.retailer', verbose_name='retailer')),
                ('version', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='simulations', to='programs.programversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'what-if',
                'verbose_name_plural': 'what-ifs',
                'indexes': [models.Index(condition=models.Q(('status__in', ['waiting', 'running'])), fields=['id'], name='simulation_to_run')],
                'constraints': [models.CheckConstraint(condition=models.Q(('since__lte', models.F('until'))), name='simulation_begins_first'), models.CheckConstraint(condition=models.Q(models.Q(('status', 'done'), _negated=True), ('result__isnull', False), _connector='OR'), name='simulation_done_has_a_result')],
            },
        ),
        own_rows_only("planning_simulation"),
    ]
