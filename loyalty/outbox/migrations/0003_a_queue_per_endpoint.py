import django.utils.timezone
from django.db import migrations, models

SUBJECTS_OF_WHAT_IS_NOT_DELIVERED = """
UPDATE outbox_delivery d SET subject = e.subject FROM outbox_event e
WHERE e.id = d.event_id AND d.delivered_at IS NULL
"""
ONLY_THE_FIRST_IS_DUE = """
UPDATE outbox_delivery d SET due_at = NULL
FROM (SELECT id, row_number() OVER (PARTITION BY endpoint_id, subject ORDER BY id) AS place
    FROM outbox_delivery WHERE delivered_at IS NULL AND NOT is_dead) waiting
WHERE d.id = waiting.id AND waiting.place > 1
"""
ALL_ARE_DUE = "UPDATE outbox_delivery SET due_at = coalesce(delivered_at, now()) WHERE due_at IS NULL"


class Migration(migrations.Migration):

    dependencies = [
        ('outbox', '0002_rows_of_a_retailer'),
    ]

    operations = [
        migrations.AddField(
            model_name='endpoint',
            name='failures',
            field=models.PositiveIntegerField(default=0, editable=False, help_text='Tries in which it did not answer, or broke.', verbose_name='failures in a row'),
        ),
        migrations.AddField(
            model_name='endpoint',
            name='next_turn_at',
            field=models.DateTimeField(editable=False, help_text='It rests until then, or has its turn just now.', null=True, verbose_name='not before'),
        ),
        migrations.AddField(
            model_name='delivery',
            name='subject',
            field=models.CharField(default='', help_text='The membership that its event is about.', max_length=64, verbose_name='subject'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='delivery',
            name='queued_at',
            field=models.DateTimeField(default=django.utils.timezone.now, verbose_name='queued'),
            preserve_default=False,
        ),
        migrations.AlterField(
            model_name='delivery',
            name='due_at',
            field=models.DateTimeField(help_text='Empty while an earlier event of the member is on its way.', null=True, verbose_name='due'),
        ),
        migrations.RunSQL(SUBJECTS_OF_WHAT_IS_NOT_DELIVERED, migrations.RunSQL.noop),
        migrations.RunSQL(ONLY_THE_FIRST_IS_DUE, ALL_ARE_DUE),
    ]
