import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through


class Migration(migrations.Migration):

    dependencies = [
        ('points', '0004_wallets_budgets_and_events'),
        ('programs', '0003_rows_of_a_retailer'),
        ('customers', '0003_rows_of_a_retailer'),
    ]

    operations = [
        migrations.AddField(
            model_name='movement',
            name='retailer',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.RunSQL(
            """
            ALTER TABLE points_movement DISABLE TRIGGER USER;
            UPDATE points_movement m SET retailer_id = e.retailer_id FROM points_entry e WHERE e.id = m.entry_id;
            ALTER TABLE points_movement ENABLE TRIGGER USER;
            SET CONSTRAINTS ALL IMMEDIATE;
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='movement',
            name='retailer',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        own_rows_only('points_wallet'),
        own_rows_only('points_entry'),
        own_rows_only('points_lot'),
        own_rows_only('points_movement'),
        own_rows_only('points_hold'),
        own_rows_only('points_budgetshare', through('programs_program', 'program_id')),
        own_rows_only('points_pointspolicy', through('programs_programversion', 'version_id')),
        own_rows_only('points_earningrule', through('programs_programversion', 'version_id')),
    ]
