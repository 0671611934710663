"""The same guard, asked by the condition of its trigger: of what goes its way no function is called."""

import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0012_fewer_indexes_of_messages"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name='message',
            name='messages_end_once',
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='message',
            trigger=pgtrigger.compiler.Trigger(name='messages_end_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."state" IN (\'due\', \'held\', \'claimed\', \'unknown\') AND OLD."state" IN (\'accepted\', \'delivered\', \'bounced\', \'complained\', \'failed\', \'dropped\'))', func="RAISE EXCEPTION 'pgtrigger: Cannot send again what has ended in % table', TG_TABLE_NAME;", hash='f490620022ff47d3a555172a8961b6e602175250', operation='UPDATE OF "state"', pgid='pgtrigger_messages_end_once_1f051', table='campaigns_message', when='BEFORE')),
        ),
    ]
