import customers.core.ids
import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('badges', '0001_initial'),
        ('customers', '0011_erasures'),
        ('memberships', '0005_merged'),
    ]

    operations = [
        migrations.CreateModel(
            name='GivenBadge',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('badge_key', models.UUIDField(editable=False)),
                ('given_at', models.DateTimeField(verbose_name='given')),
                ('given_by', models.CharField(max_length=150, verbose_name='given by')),
                ('reason', models.CharField(max_length=500, verbose_name='reason')),
                ('taken_at', models.DateTimeField(null=True, verbose_name='taken away')),
                ('taken_by', models.CharField(blank=True, max_length=150, verbose_name='taken away by')),
                ('taken_reason', models.CharField(blank=True, max_length=500, verbose_name='why it was taken away')),
                ('badge', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='given', to='badges.badge', verbose_name='badge')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='given_badges', to='memberships.membership', verbose_name='member')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'badge given by staff',
                'verbose_name_plural': 'badges given by staff',
                'indexes': [models.Index(condition=models.Q(('taken_at__isnull', True)), fields=['badge_key'], name='badge_given_by_staff')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('taken_at__isnull', True)), fields=('membership', 'badge_key'), name='badge_given_by_staff_once'), models.CheckConstraint(condition=models.Q(('taken_at__isnull', False), ('taken_by', ''), _connector='OR'), name='badge_taken_away_says_when')],
            },
        ),
        own_rows_only('badges_givenbadge'),
    ]
