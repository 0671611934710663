from django.db import migrations, models

# Of the refusals that may still count, the address: receipts are append-only but for this. Of who was erased nobody knows it.
KNOWN = """
SELECT set_config('pgtrigger.ignore', '{pgtrigger_receipts_are_append_only_b40ad}', true);
UPDATE campaigns_receipt r SET address_hash = m.address_hash FROM campaigns_message m
WHERE m.id = r.message_id AND r.what = 'soft_bounce' AND r.occurred_at > now() - interval '28 days';
SELECT set_config('pgtrigger.ignore', '{}', true);
"""


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0004_who_set_caps'),
    ]

    operations = [
        migrations.AddField(
            model_name='receipt',
            name='address_hash',
            field=models.CharField(blank=True, default='', help_text='That refused for now: how often is counted, whosever it is.', max_length=64, verbose_name='address'),
            preserve_default=False,
        ),
        migrations.RunSQL(KNOWN, migrations.RunSQL.noop),
    ]
