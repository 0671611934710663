import django.db.models.deletion
import uuid
from django.db import migrations, models

from customers.core.tenancy import looked_up_by_nobody, own_rows_only
from customers.core.migrating import Together

TABLES = (
    "membersession",
    "signincode",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("signin", "0002_sessions_of_a_retailer")]

    dependencies = [
        ("customers", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='MemberSession',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('began_at', models.DateTimeField(verbose_name='began')),
                ('seen_at', models.DateTimeField(verbose_name='last seen')),
                ('ends_at', models.DateTimeField(db_index=True, verbose_name='ends')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='sessions', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'session of a member',
                'verbose_name_plural': 'sessions of members',
            },
        ),
        migrations.CreateModel(
            name='SignInLimit',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('key', models.CharField(help_text='A keyed hash of what is limited, and of whom.', max_length=64)),
                ('begins_at', models.DateTimeField()),
                ('ends_at', models.DateTimeField(db_index=True)),
                ('asked', models.PositiveIntegerField()),
            ],
            options={
                'verbose_name': 'limit of sign-ins',
                'verbose_name_plural': 'limits of sign-ins',
                'constraints': [models.UniqueConstraint(fields=('key', 'begins_at'), name='signin_limit_once_per_span')],
            },
        ),
        migrations.CreateModel(
            name='SignInCode',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ('address', models.CharField(help_text='A keyed hash of the e-mail address.', max_length=64, verbose_name='address')),
                ('language', models.CharField(blank=True, max_length=2, verbose_name='language')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('expires_at', models.DateTimeField(verbose_name='expires')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('used_at', models.DateTimeField(null=True, verbose_name='used')),
                ('mail_due_at', models.DateTimeField(help_text='Empty when there is nothing to mail.', null=True, verbose_name='to be mailed')),
                ('customer', models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'sign-in code',
                'verbose_name_plural': 'sign-in codes',
                'indexes': [models.Index(condition=models.Q(('mail_due_at__isnull', False)), fields=['retailer', 'mail_due_at'], name='signin_code_to_mail'), models.Index(fields=['asked_at'], name='signin_code_by_age')],
            },
        ),
        ]),
        *(own_rows_only(f"signin_{table}") for table in TABLES),
        looked_up_by_nobody("signin_membersession"),
    ]
