import customers.core.ids
import django.contrib.postgres.indexes
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only
from customers.core.migrating import Together

TABLES = (
    "household",
    "householdmember",
    "membership",
    "membershipperiod",
)
# As customers_found: it looks as the owner, and answers for the retailer of the session alone.
FOUND = """
CREATE FUNCTION memberships_found(retailer bigint, digits text, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    sought text := CASE WHEN length(digits) < 3 THEN '' ELSE '%' END || regexp_replace(digits, '[^0-9]', '', 'g') || '%';
BEGIN
    IF public.customers_may_search(retailer) THEN
        RETURN QUERY EXECUTE 'SELECT id FROM public.memberships_membership WHERE '
            || CASE WHEN retailer IS NULL THEN '' ELSE 'retailer_id = $1 AND ' END || 'number LIKE $2 LIMIT $3'
            USING retailer, sought, most;
    END IF;
END $$;
"""
NOT_FOUND = "DROP FUNCTION memberships_found(bigint, text, integer)"


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("memberships", "0007_of_one_retailer")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("programs", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='Membership',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(help_text='16 digits, the last a check digit.', max_length=16, verbose_name='member number')),
                ('source', models.CharField(blank=True, max_length=50, verbose_name='enrolled through')),
                ('enrolled_at', models.DateTimeField(verbose_name='enrolled')),
                ('left_at', models.DateTimeField(blank=True, null=True, verbose_name='left')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('next_due_at', models.DateTimeField(editable=False, help_text='When time alone will next change something: may be early, never late.', null=True, verbose_name='next due')),
                ('started_at', models.DateTimeField(editable=False, help_text='From when the newest version is in force under which the member was assessed.', null=True, verbose_name='assessed under the version of')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='customers.customer', verbose_name='customer')),
                ('merged_into', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='merged', to='memberships.membership', verbose_name='merged into')),
                ('program', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='memberships', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'member',
                'verbose_name_plural': 'members',
                'indexes': [
                    models.Index(condition=models.Q(('next_due_at__isnull', False)), fields=['program', 'next_due_at'], name='membership_due'),
                    models.Index(fields=['program', 'started_at'], name='membership_by_version'),
                    django.contrib.postgres.indexes.GinIndex(models.F('retailer'), django.contrib.postgres.indexes.OpClass('number', name='gin_trgm_ops'), name='membership_searched'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('program', 'customer'), name='membership_once_per_customer'),
                    models.UniqueConstraint(fields=('retailer', 'number'), name='membership_once_per_number'),
                    models.CheckConstraint(condition=models.Q(('left_at__isnull', True), ('left_at__gte', models.F('enrolled_at')), _connector='OR'), name='membership_ends_after_it_began'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Household',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(blank=True, max_length=100, verbose_name='name')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='households', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'household',
                'verbose_name_plural': 'households',
            },
        ),
        migrations.CreateModel(
            name='MembershipPeriod',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('enrolled_at', models.DateTimeField(verbose_name='enrolled')),
                ('left_at', models.DateTimeField(verbose_name='left')),
                ('membership', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='periods', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'earlier membership',
                'verbose_name_plural': 'earlier memberships',
                'constraints': [
                    models.UniqueConstraint(fields=('membership', 'enrolled_at'), name='membership_period_once'),
                    models.CheckConstraint(condition=models.Q(('left_at__gte', models.F('enrolled_at'))), name='membership_period_ends_after_it_began'),
                ],
            },
        ),
        migrations.CreateModel(
            name='HouseholdMember',
            fields=[
                ('membership', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, primary_key=True, related_name='household_member', serialize=False, to='memberships.membership', verbose_name='member')),
                ('joined_at', models.DateTimeField(verbose_name='joined')),
                ('household', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='members', to='memberships.household', verbose_name='household')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'member of a household',
                'verbose_name_plural': 'members of households',
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='membership',
            trigger=pgtrigger.compiler.Trigger(name='memberships_are_of_one_retailer', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF NOT EXISTS (SELECT 1 FROM customers_customer c WHERE c.id = NEW.customer_id AND c.retailer_id = NEW.retailer_id)\n    OR NOT EXISTS (SELECT 1 FROM programs_program p WHERE p.id = NEW.program_id AND p.retailer_id = NEW.retailer_id)\nTHEN\n    RAISE EXCEPTION 'pgtrigger: The customer and the program of a membership are of its own retailer';\nEND IF;\nRETURN NEW;\n", hash='2c4f64f34dc8032ea8e4111382d394c9e3035c87', operation='INSERT OR UPDATE OF "customer_id", "program_id", "retailer_id"', pgid='pgtrigger_memberships_are_of_one_retailer_4626b', table='memberships_membership', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"memberships_{table}") for table in TABLES),
        migrations.RunSQL(FOUND, NOT_FOUND),
    ]
