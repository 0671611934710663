import django.contrib.auth.models
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models

from customers.core.tenancy import own_rows_only
from customers.core.migrating import Together

TABLES = (
    "signinpolicy",
    "staffinvitation",
    "staffrole",
)
# What Django gives users besides roles: read by who signs in, given by who acts for all, as it gives powers (NO_POWERS).
GIVEN_TABLES = ("auth_user_user_permissions", "auth_user_groups", "auth_group_permissions")
GIVEN = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
CREATE POLICY read_by_all ON {table} FOR SELECT USING (true);
CREATE POLICY given_for_all ON {table} USING (coalesce(current_setting('app.retailer', true), '*') = '*');
"""
NOT_GIVEN = """
DROP POLICY given_for_all ON {table};
DROP POLICY read_by_all ON {table};
ALTER TABLE {table} DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("access", "0003_powers_are_given_for_all")]

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("customers", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='SignInPolicy',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='sign_in_policy', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('requires_second_factor', models.BooleanField(default=False, help_text='Whoever has none yet sets one up before anything else: an app with codes, or a passkey.', verbose_name='second factor required')),
            ],
            options={
                'verbose_name': 'sign-in of staff',
                'verbose_name_plural': 'sign-in of staff',
            },
        ),
        migrations.CreateModel(
            name='GuardedUser',
            fields=[
            ],
            options={
                'proxy': True,
                'default_permissions': (),
                'indexes': [],
                'constraints': [],
            },
            bases=('auth.user',),
            managers=[
                ('objects', django.contrib.auth.models.UserManager()),
            ],
        ),
        migrations.CreateModel(
            name='PasswordReset',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('site', models.CharField(help_text='Where the link leads, such as https://loyalty.example.org.', max_length=300)),
                ('language', models.CharField(blank=True, max_length=2, verbose_name='language')),
                ('asked_at', models.DateTimeField(db_index=True, verbose_name='asked')),
                ('mail_due_at', models.DateTimeField(null=True, verbose_name='to be mailed')),
            ],
            options={
                'verbose_name': 'password reset',
                'verbose_name_plural': 'password resets',
                'indexes': [models.Index(condition=models.Q(('mail_due_at__isnull', False)), fields=['mail_due_at'], name='password_reset_to_mail')],
            },
        ),
        migrations.CreateModel(
            name='StaffInvitation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('email', models.EmailField(max_length=254, verbose_name='e-mail')),
                ('role', models.CharField(choices=[('owner', 'owner'), ('manager', 'program manager'), ('support', 'support agent'), ('analyst', 'analyst'), ('auditor', 'auditor')], max_length=10, verbose_name='role')),
                ('invited_by', models.CharField(editable=False, max_length=150, verbose_name='invited by')),
                ('invited_at', models.DateTimeField(editable=False, verbose_name='invited')),
                ('expires_at', models.DateTimeField(editable=False, verbose_name='expires')),
                ('accepted_at', models.DateTimeField(editable=False, null=True, verbose_name='accepted')),
                ('accepted_by', models.ForeignKey(editable=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL, verbose_name='by')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
            },
        ),
        migrations.CreateModel(
            name='StaffRole',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('role', models.CharField(choices=[('owner', 'owner'), ('manager', 'program manager'), ('support', 'support agent'), ('analyst', 'analyst'), ('auditor', 'auditor')], max_length=10, verbose_name='role')),
                ('chosen_at', models.DateTimeField(editable=False, help_text='When its holder last chose to act for this retailer.', null=True, verbose_name='chosen')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='staff', to='customers.retailer', verbose_name='retailer')),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='staff_roles', to=settings.AUTH_USER_MODEL, verbose_name='user')),
            ],
            options={
                'verbose_name': 'staff role',
                'verbose_name_plural': 'staff roles',
                'constraints': [
                    models.UniqueConstraint(fields=('user', 'retailer'), name='staff_role_once_per_retailer'),
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='guardeduser',
            trigger=pgtrigger.compiler.Trigger(name='users_gain_no_powers', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF coalesce(current_setting('app.retailer', true), '*') <> '*' AND (TG_OP <> 'UPDATE' OR (\n    (NEW.is_superuser, NEW.is_staff, NEW.is_active, NEW.username, NEW.email)\n    IS DISTINCT FROM (OLD.is_superuser, OLD.is_staff, OLD.is_active, OLD.username, OLD.email))) THEN\n    RAISE EXCEPTION 'pgtrigger: Nobody who acts for a retailer makes or removes users, or gives them powers';\nEND IF;\nIF TG_OP = 'DELETE' THEN\n    RETURN OLD;\nEND IF;\nRETURN NEW;\n", hash='bdfa26439b7259a543b224d12a6bbe99b5894aa5', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_users_gain_no_powers_5c5cb', table='auth_user', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"access_{table}") for table in TABLES),
        *(migrations.RunSQL(GIVEN.format(table=table), NOT_GIVEN.format(table=table)) for table in GIVEN_TABLES),
    ]
