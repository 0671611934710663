from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# What entries told so far, as it was decided: each by the last terms of its own time that let points end on inactivity, and
# the newest by what its wallet says, which knows of the tier then.
TELL = """
ALTER TABLE points_entry DISABLE TRIGGER USER;
UPDATE points_entry e SET keeps_until = d.keeps_until FROM (
    SELECT e.id, CASE WHEN row_number() OVER (PARTITION BY w.id ORDER BY e.occurred_at DESC, e.id DESC) = 1
        AND w.idle_until > e.occurred_at THEN w.idle_until
        ELSE (((e.occurred_at AT TIME ZONE p.zone)::date + make_interval(months => t.expiry_count))::date + 1)::timestamp
            AT TIME ZONE p.zone END AS keeps_until
    FROM points_wallet w JOIN points_entry e ON e.wallet_id = w.id
    JOIN memberships_membership m ON m.id = w.membership_id JOIN programs_program p ON p.id = m.program_id
    CROSS JOIN LATERAL (
        SELECT y.expiry_count FROM points_pointspolicy y JOIN programs_programversion v ON v.id = y.version_id
        WHERE v.program_id = p.id AND v.status = 'published' AND v.effective_from <= e.occurred_at
            AND y.code = w.code AND y.expiry = 'inactivity'
        ORDER BY v.effective_from DESC LIMIT 1
    ) AS t
    WHERE w.idle_until IS NOT NULL AND e.kind IN ('earn', 'adjust', 'redeem', 'hold')
        AND left(e.cause, 12) <> 'redeem:hold:' AND (e.kind <> 'adjust' OR e.available_change > 0)
) AS d WHERE d.id = e.id;
ALTER TABLE points_entry ENABLE TRIGGER USER;
UPDATE points_wallet w SET active_since = d.active_since FROM (
    SELECT DISTINCT ON (wallet_id) wallet_id, occurred_at AS active_since FROM (
        SELECT wallet_id, occurred_at, max(keeps_until) OVER (
            PARTITION BY wallet_id ORDER BY occurred_at, keeps_until, id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS kept_until
        FROM points_entry WHERE keeps_until IS NOT NULL
    ) AS told WHERE kept_until IS NULL OR occurred_at >= kept_until ORDER BY wallet_id, occurred_at DESC
) AS d WHERE d.wallet_id = w.id;
"""


def tell(apps, schema_editor):
    """In a transaction of its own: meanwhile nobody writes entries."""
    schema_editor.execute(TELL, params=None)


class Migration(migrations.Migration):
    """Entries say until when what their member did keeps points, wallets since when it is active, lots when they were dated."""

    atomic = False

    dependencies = [
        ('memberships', '0004_clock_and_periods'),
        ('points', '0015_lots_in_order'),
        ('programs', '0005_versions_revision'),
    ]

    operations = [
        migrations.AddField(
            model_name='entry',
            name='keeps_until',
            field=models.DateTimeField(help_text='Where it is something that the member did: when points end that live as long as it is active.', null=True, verbose_name='keeps points until'),
        ),
        migrations.AddField(
            model_name='lot',
            name='dated_at',
            field=models.DateTimeField(help_text='When it was recorded that the event happened that it awaited.', null=True, verbose_name='dated'),
        ),
        migrations.AddField(
            model_name='wallet',
            name='active_since',
            field=models.DateTimeField(help_text='Since when the member was never idle for so long that points end.', null=True, verbose_name='active since'),
        ),
        migrations.RunPython(tell, migrations.RunPython.noop, atomic=True),
        AddIndexConcurrently(
            model_name='entry',
            index=models.Index(condition=models.Q(('keeps_until__isnull', False)), fields=['wallet', 'occurred_at'], name='entry_keeps_points'),
        ),
    ]
