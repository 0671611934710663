import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0006_consents_by_their_index'),
        ('points', '0001_squashed'),
    ]

    operations = [
        migrations.CreateModel(
            name='Disproof',
            fields=[
                ('entry', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='+', serialize=False, to='points.entry', verbose_name='entry')),
                ('cause', models.CharField(help_text='The correction that says so.', max_length=200, verbose_name='cause')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'disproved activity',
                'verbose_name_plural': 'disproved activities',
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='disproof',
            trigger=pgtrigger.compiler.Trigger(name='disproofs_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='90bd7f465b45d08a57243f504f19fa54510bdf6d', operation='UPDATE OR DELETE', pgid='pgtrigger_disproofs_are_append_only_9e307', table='points_disproof', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='disproof',
            trigger=pgtrigger.compiler.Trigger(name='disproofs_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='5871eea98fb66dc6a750d284bb12a2e79949fb52', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_disproofs_never_truncated_79e51', table='points_disproof', when='BEFORE')),
        ),
        own_rows_only("points_disproof"),
    ]
