import customers.core.ids
from django.db import migrations, models


# Until now a tier was the same from version to version by its code.
SAME_CODE_SAME_TIER = """
ALTER TABLE tiers_tier DISABLE TRIGGER USER;
UPDATE tiers_tier t SET key = md5(v.program_id || ':' || t.code)::uuid FROM programs_programversion v WHERE v.id = t.version_id;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE tiers_tier ENABLE TRIGGER USER;
"""
# A night that moved a member up and down named one cause twice.
CAUSES_ONCE = """
ALTER TABLE tiers_tierchange DISABLE TRIGGER USER;
UPDATE tiers_tierchange c SET cause = c.cause || ':' || d.place FROM (
    SELECT id, row_number() OVER (PARTITION BY membership_id, cause ORDER BY id) AS place FROM tiers_tierchange
) d WHERE d.id = c.id AND d.place > 1;
SET CONSTRAINTS ALL IMMEDIATE;
ALTER TABLE tiers_tierchange ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0009_undecided_facts'),
        ('memberships', '0004_clock_and_periods'),
        ('programs', '0004_audit_and_withdrawal'),
        ('points', '0013_shortfalls_and_days'),
        ('tiers', '0008_exact_amounts'),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name='standing',
            name='standing_by_its_end',
        ),
        migrations.RemoveField(
            model_name='standing',
            name='assessed_on',
        ),
        migrations.RenameField(model_name='standing', old_name='keeps_until', new_name='protected_until'),
        migrations.AddField(
            model_name='standing',
            name='gifts_missing',
            field=models.BigIntegerField(db_default=0, default=0, help_text='Of gifts that were to be taken back, what was not there: the next gifts are less by it.', verbose_name='gifts missing'),
        ),
        migrations.AlterField(
            model_name='standing',
            name='protected_until',
            field=models.DateField(help_text='The first day on which the tier may be lost: the end of its period, or of its grace.', null=True, verbose_name='protected until'),
        ),
        migrations.AddField(
            model_name='tier',
            name='key',
            field=models.UUIDField(null=True, editable=False, help_text='Its identity from version to version.'),
        ),
        migrations.RunSQL(SAME_CODE_SAME_TIER, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='tier',
            name='key',
            field=models.UUIDField(default=customers.core.ids.new_id, editable=False, help_text='Its identity from version to version.'),
        ),
        migrations.RunSQL(CAUSES_ONCE, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name='tier',
            name='code',
            field=models.SlugField(help_text='May be renamed: members keep the tier.', verbose_name='code'),
        ),
        migrations.AddIndex(
            model_name='standing',
            index=models.Index(condition=models.Q(('protected_until__isnull', False)), fields=['program', 'protected_until'], name='standing_by_its_end'),
        ),
        migrations.AddConstraint(
            model_name='standing',
            constraint=models.CheckConstraint(condition=models.Q(('gifts_missing__gte', 0)), name='standing_gifts_missing_never_negative'),
        ),
        migrations.AddConstraint(
            model_name='tier',
            constraint=models.UniqueConstraint(fields=('version', 'key'), name='tier_once_per_key'),
        ),
        migrations.AddConstraint(
            model_name='tierchange',
            constraint=models.UniqueConstraint(fields=('membership', 'cause'), name='tier_change_once_per_cause'),
        ),
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name='QualifyingDay')]),
    ]
