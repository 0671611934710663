from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ('rewards', '0001_squashed'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='rewardredemption',
            index=models.Index(condition=models.Q(('is_counted', True), ('status', 'issued')), fields=['program', 'reward_key', 'expires_at'], name='reward_redemption_of_stock'),
        ),
    ]
