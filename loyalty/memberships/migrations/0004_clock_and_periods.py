import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


WAKE_ALL = """
UPDATE memberships_membership m SET next_due_at = now(), started_at = (
    SELECT max(v.effective_from) FROM programs_programversion v
    WHERE v.program_id = m.program_id AND v.status = 'published' AND v.effective_from <= now())
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0009_undecided_facts'),
        ('memberships', '0003_rows_of_a_retailer'),
        ('programs', '0004_audit_and_withdrawal'),
    ]

    operations = [
        migrations.CreateModel(
            name='MembershipPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('enrolled_at', models.DateTimeField(verbose_name='enrolled')),
                ('left_at', models.DateTimeField(verbose_name='left')),
            ],
            options={
                'verbose_name': 'earlier membership',
                'verbose_name_plural': 'earlier memberships',
            },
        ),
        migrations.AddField(
            model_name='membership',
            name='next_due_at',
            field=models.DateTimeField(editable=False, help_text='When time alone will next change something: may be early, never late.', null=True, verbose_name='next due'),
        ),
        migrations.AddField(
            model_name='membership',
            name='started_at',
            field=models.DateTimeField(editable=False, help_text='From when the newest version is in force under which the member was assessed.', null=True, verbose_name='assessed under the version of'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(condition=models.Q(('next_due_at__isnull', False)), fields=['program', 'next_due_at'], name='membership_due'),
        ),
        migrations.AddIndex(
            model_name='membership',
            index=models.Index(fields=['program', 'started_at'], name='membership_by_version'),
        ),
        migrations.AddField(
            model_name='membershipperiod',
            name='membership',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='memberships.membership', verbose_name='member'),
        ),
        migrations.AddField(
            model_name='membershipperiod',
            name='retailer',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.AddConstraint(
            model_name='membershipperiod',
            constraint=models.UniqueConstraint(fields=('membership', 'enrolled_at'), name='membership_period_once'),
        ),
        migrations.AddConstraint(
            model_name='membershipperiod',
            constraint=models.CheckConstraint(condition=models.Q(('left_at__gte', models.F('enrolled_at'))), name='membership_period_ends_after_it_began'),
        ),
        own_rows_only('memberships_membershipperiod'),
        # Whoever was a member before clocks were kept is looked at once: waking is never too early.
        migrations.RunSQL(WAKE_ALL, migrations.RunSQL.noop),
    ]
