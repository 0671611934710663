import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0015_customers_by_phone'),
    ]

    operations = [
        migrations.AddField(
            model_name='importjob',
            name='refused_rows',
            field=models.BinaryField(null=True),
        ),
        migrations.AddField(
            model_name='importjob',
            name='rows_total',
            field=models.PositiveIntegerField(default=0, verbose_name='rows'),
        ),
        migrations.AddField(
            model_name='importjob',
            name='said',
            field=models.JSONField(default=dict, editable=False, help_text='What somebody said of the file: its columns, dates, numbers.', verbose_name='answers'),
        ),
        migrations.AddField(
            model_name='importjob',
            name='seen',
            field=models.JSONField(default=dict, editable=False, help_text='How the file is read, and what to look at.', verbose_name='reading'),
        ),
        migrations.AlterField(
            model_name='importjob',
            name='status',
            field=models.CharField(choices=[('asked', 'to be answered'), ('previewed', 'previewed'), ('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='previewed', max_length=20, verbose_name='status'),
        ),
        migrations.CreateModel(
            name='ImportMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('customers', 'customers'), ('orders', 'orders with lines'), ('returns', 'returns'), ('interactions', 'interactions')], max_length=20, verbose_name='kind')),
                ('columns', models.JSONField(default=dict, help_text="Our column by the file's; an empty one: nobody reads it.", verbose_name='columns')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='import_mappings', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'column mapping',
                'verbose_name_plural': 'column mappings',
                'constraints': [models.UniqueConstraint(fields=('retailer', 'kind'), name='one_mapping_of_a_retailers_kind_of_file')],
            },
        ),
        own_rows_only("customers_importmapping"),
    ]
