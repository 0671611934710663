import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0005_scopes_of_programs'),
    ]

    operations = [
        migrations.AlterField(
            model_name='retailerkey',
            name='scopes',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('activity:write', 'report customers, orders, returns and interactions; enrol'), ('members:read', 'look members up'), ('rewards:redeem', 'hold and redeem points'), ('points:adjust', 'adjust points, with a reason'), ('ledger:read', 'prove the ledger, read liability and journal'), ('program:read', 'read programs and their versions'), ('program:write', 'edit drafts'), ('program:simulate', 'ask what-ifs'), ('program:publish', 'publish and withdraw versions'), ('members:token', 'sign members in'), ('customers:privacy', 'export and erase what is held on persons')], max_length=30), default=list, size=None, verbose_name='scopes'),
        ),
    ]
