import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('memberships', '0006_search'),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='memberships_are_of_one_retailer', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF NOT EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = NEW.customer_id AND c.retailer_id = NEW.retailer_id)\n    OR NOT EXISTS (SELECT 1 FROM programs_program p WHERE p.id = NEW.program_id AND p.retailer_id = NEW.retailer_id)\nTHEN\n    RAISE EXCEPTION 'pgtrigger: The customer and the program of a membership are of its own retailer';\nEND IF;\nRETURN NEW;\n", hash='2c4f64f34dc8032ea8e4111382d394c9e3035c87', operation='INSERT OR UPDATE OF "customer_id", "program_id", "retailer_id"', pgid='pgtrigger_memberships_are_of_one_retailer_4626b', table='memberships_membership', when='BEFORE')),
        ),
    ]
