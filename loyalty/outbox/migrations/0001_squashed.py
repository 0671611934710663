import customers.core.ids
import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through
from customers.core.migrating import Together

TABLES = (
    "endpoint",
    "event",
    "feedstart",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("outbox", "0008_where_a_feed_starts")]

    dependencies = [
        ("customers", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='FeedStart',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('position', models.BigIntegerField(verbose_name='position')),
            ],
            options={
                'verbose_name': 'start of the feed',
                'verbose_name_plural': 'starts of feeds',
            },
        ),
        migrations.CreateModel(
            name='Endpoint',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text="By which its retailer's systems know it.", unique=True, verbose_name='id')),
                ('url', models.URLField(verbose_name='URL')),
                ('events', models.JSONField(blank=True, default=list, help_text='The types that are told here; none chosen for all.', verbose_name='events')),
                ('secret', models.CharField(editable=False, max_length=100, verbose_name='secret')),
                ('old_secret', models.CharField(blank=True, editable=False, max_length=100, verbose_name='former secret')),
                ('old_secret_until', models.DateTimeField(editable=False, help_text='Both sign until then.', null=True, verbose_name='former secret signs until')),
                ('is_active', models.BooleanField(default=True, verbose_name='active')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
                ('failing_since', models.DateTimeField(editable=False, null=True, verbose_name='fails since')),
                ('stopped_at', models.DateTimeField(editable=False, help_text='When it had not answered for so long that it was switched off.', null=True, verbose_name='stopped')),
                ('failures', models.PositiveIntegerField(default=0, editable=False, help_text='Tries in which it did not answer, or broke.', verbose_name='failures in a row')),
                ('next_turn_at', models.DateTimeField(editable=False, help_text='It rests until then, or has its turn just now.', null=True, verbose_name='not before')),
                ('removed_at', models.DateTimeField(editable=False, help_text='What was delivered to it is forgotten soon after.', null=True, verbose_name='removed')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='endpoints', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'webhook',
                'verbose_name_plural': 'webhooks',
            },
        ),
        migrations.CreateModel(
            name='Event',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('type', models.CharField(help_text='Such as points.earned or tier.changed.', max_length=50, verbose_name='type')),
                ('subject', models.CharField(help_text='The membership that it is about.', max_length=64, verbose_name='subject')),
                ('payload', models.JSONField(verbose_name='payload')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('dispatched_at', models.DateTimeField(null=True, verbose_name='dispatched')),
                ('position', models.BigIntegerField(editable=False, help_text='In which it was dispatched; later ones have larger ones.', null=True, verbose_name='position')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'event',
                'verbose_name_plural': 'events',
                'indexes': [
                    models.Index(condition=models.Q(('dispatched_at__isnull', True)), fields=['id'], name='event_to_dispatch'),
                    models.Index(condition=models.Q(('position__isnull', False)), fields=['retailer', 'position'], name='event_by_position'),
                    models.Index(condition=models.Q(('dispatched_at__isnull', False)), fields=['dispatched_at'], name='event_by_age'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Delivery',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('subject', models.CharField(help_text='The membership that its event is about.', max_length=64, verbose_name='subject')),
                ('attempts', models.PositiveSmallIntegerField(default=0, verbose_name='attempts')),
                ('queued_at', models.DateTimeField(verbose_name='queued')),
                ('due_at', models.DateTimeField(help_text='Empty while an earlier event of the member is on its way.', null=True, verbose_name='due')),
                ('delivered_at', models.DateTimeField(null=True, verbose_name='delivered')),
                ('is_dead', models.BooleanField(default=False, verbose_name='given up')),
                ('last_error', models.CharField(blank=True, max_length=200, verbose_name='last error')),
                ('tried_at', models.DateTimeField(null=True, verbose_name='last try')),
                ('took_ms', models.PositiveIntegerField(null=True, verbose_name='took (ms)')),
                ('status', models.PositiveSmallIntegerField(help_text='Of the answer to the last try.', null=True, verbose_name='status')),
                ('answer', models.CharField(blank=True, help_text='How the answer began.', max_length=500, verbose_name='answer')),
                ('endpoint', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='outbox.endpoint', verbose_name='webhook')),
                ('event', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='outbox.event', verbose_name='event')),
            ],
            options={
                'verbose_name': 'delivery',
                'verbose_name_plural': 'deliveries',
                'indexes': [
                    models.Index(condition=models.Q(('delivered_at__isnull', True), ('is_dead', False)), fields=['endpoint', 'due_at', 'id'], name='delivery_due_to_endpoint'),
                    models.Index(condition=models.Q(('delivered_at__isnull', True), ('is_dead', False)), fields=['endpoint', 'subject', 'id'], name='delivery_waiting_of_member'),
                    models.Index(condition=models.Q(('is_dead', True)), fields=['endpoint', 'id'], name='delivery_given_up_by_endpoint'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('delivered_at__isnull', True), ('due_at__isnull', False), ('is_dead', False)), fields=('endpoint', 'subject'), name='delivery_first_of_member_once'),
                ],
            },
        ),
        ]),
        *(own_rows_only(f"outbox_{table}") for table in TABLES),
        own_rows_only("outbox_delivery", through("outbox_event", "event_id")),
        migrations.RunSQL("CREATE SEQUENCE outbox_event_position", "DROP SEQUENCE outbox_event_position"),
    ]
