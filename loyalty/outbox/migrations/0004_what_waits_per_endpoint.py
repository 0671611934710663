from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


FIRST_OF_MEMBER_ONCE = """
CREATE UNIQUE INDEX CONCURRENTLY delivery_first_of_member_once ON outbox_delivery (endpoint_id, subject)
WHERE delivered_at IS NULL AND due_at IS NOT NULL AND NOT is_dead
"""


class Migration(migrations.Migration):

    atomic = False  # indexes that are built while events are queued

    dependencies = [
        ('outbox', '0003_a_queue_per_endpoint'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('delivered_at__isnull', True), ('is_dead', False)), fields=['endpoint', 'due_at', 'id'], name='delivery_due_to_endpoint'),
        ),
        AddIndexConcurrently(
            model_name='delivery',
            index=models.Index(condition=models.Q(('delivered_at__isnull', True), ('is_dead', False)), fields=['endpoint', 'subject', 'id'], name='delivery_waiting_of_member'),
        ),
        migrations.RunSQL(
            FIRST_OF_MEMBER_ONCE,
            'DROP INDEX CONCURRENTLY delivery_first_of_member_once',
            state_operations=[
                migrations.AddConstraint(
                    model_name='delivery',
                    constraint=models.UniqueConstraint(condition=models.Q(('delivered_at__isnull', True), ('due_at__isnull', False), ('is_dead', False)), fields=('endpoint', 'subject'), name='delivery_first_of_member_once'),
                ),
            ],
        ),
        RemoveIndexConcurrently(model_name='delivery', name='delivery_due'),
    ]
