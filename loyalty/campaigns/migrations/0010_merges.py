from django.db import migrations, models

# Of those that were merged before, what is open still goes on.
OPEN = """
INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
SELECT c.retailer_id, c.id, 'merged', '', now() FROM customers_customer c WHERE c.merged_into_id IS NOT NULL AND (
    EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = c.id AND e.ended_at IS NULL)
    OR EXISTS (SELECT 1 FROM campaigns_message m WHERE m.customer_id = c.id AND m.state IN ('due', 'held')))
"""


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0009_push_devices'),
    ]

    operations = [
        migrations.AlterField(
            model_name='outcome',
            name='what',
            field=models.CharField(choices=[('entered', 'entered'), ('not_entered', 'not entered'), ('waited', 'waited'), ('planned', 'planned'), ('granted', 'got the offer'), ('not_granted', 'did not get the offer'), ('sent', 'sent'), ('deferred', 'deferred'), ('dropped', 'not sent'), ('failed', 'refused'), ('unknown', 'nobody knows'), ('exited', 'left'), ('completed', 'completed'), ('goal', 'reached the goal'), ('moved', 'moved to another version'), ('carried', 'goes on after a merge')], max_length=11, verbose_name='what'),
        ),
        migrations.AlterField(
            model_name='waitingfact',
            name='kind',
            field=models.CharField(choices=[('order', 'order'), ('cart', 'cart'), ('return', 'return'), ('contact', 'contact with support'), ('merged', 'merged into another customer'), ('profiling_withdrawn', 'no offers based on a profile any more')], max_length=20, verbose_name='kind'),
        ),
        migrations.RunSQL(OPEN, "DELETE FROM campaigns_waitingfact WHERE kind = 'merged'"),
    ]
