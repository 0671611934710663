import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import looked_up_by_nobody, own_rows_only
from customers.core.migrating import Together

TABLES = (
    "membertoken",
    "retailerkey",
)


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("api", "0010_keys_and_tokens_of_a_retailer")]

    dependencies = [
        ("customers", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='IdempotencyRecord',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('credential', models.CharField(help_text="A hash of the credential: keys are each caller's own.", max_length=64)),
                ('key', models.CharField(max_length=255)),
                ('request_digest', models.CharField(max_length=64)),
                ('status', models.PositiveSmallIntegerField()),
                ('content_type', models.CharField(max_length=100)),
                ('body', models.BinaryField()),
                ('created_at', models.DateTimeField(db_index=True)),
            ],
            options={
                'constraints': [models.UniqueConstraint(fields=('credential', 'key'), name='idempotency_key_once_per_credential')],
            },
        ),
        migrations.CreateModel(
            name='MemberToken',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('expires_at', models.DateTimeField(db_index=True, verbose_name='expires')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tokens', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'member token',
                'verbose_name_plural': 'member tokens',
            },
        ),
        migrations.CreateModel(
            name='RetailerKey',
            fields=[
                ('id', models.CharField(editable=False, max_length=150, primary_key=True, serialize=False, unique=True)),
                ('prefix', models.CharField(editable=False, max_length=8, unique=True)),
                ('hashed_key', models.CharField(editable=False, max_length=150)),
                ('created', models.DateTimeField(auto_now_add=True, db_index=True)),
                ('name', models.CharField(default=None, help_text='A free-form name for the API key. Need not be unique. 50 characters max.', max_length=50)),
                ('revoked', models.BooleanField(blank=True, default=False, help_text='If the API key is revoked, clients cannot use it anymore. (This cannot be undone.)')),
                ('expiry_date', models.DateTimeField(blank=True, help_text='Once API key expires, clients cannot use it anymore.', null=True, verbose_name='Expires')),
                ('scopes', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('activity:write', 'report customers, orders, returns and interactions; enrol'), ('members:read', 'look members up'), ('rewards:redeem', 'hold and redeem points'), ('points:adjust', 'adjust points, with a reason'), ('ledger:read', 'prove the ledger, read liability and journal'), ('program:read', 'read programs and their versions'), ('program:write', 'edit drafts'), ('program:simulate', 'ask what-ifs'), ('program:publish', 'publish and withdraw versions'), ('members:token', 'sign members in'), ('analytics:read', 'read what customers are worth'), ('webhooks:read', 'read webhooks and what was delivered'), ('webhooks:write', 'add, change, try out and remove webhooks'), ('customers:privacy', 'export and erase what is held on persons')], max_length=30), default=list, size=None, verbose_name='scopes')),
                ('made_by', models.CharField(blank=True, editable=False, help_text='For whom it stands where two must agree.', max_length=150, verbose_name='made by')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='keys', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'API key',
                'verbose_name_plural': 'API keys',
                'ordering': ('-created',),
                'abstract': False,
            },
        ),
        ]),
        *(own_rows_only(f"api_{table}") for table in TABLES),
        looked_up_by_nobody("api_membertoken"),
        looked_up_by_nobody("api_retailerkey"),
    ]
