import django.db.models.deletion
from django.db import migrations, models

from customers.core.tenancy import own_rows_only, through

ROLE = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'loyalty_app') THEN
        CREATE ROLE loyalty_app NOLOGIN;
    END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;  -- another database of this server makes it just now
END $$;
DO $$ BEGIN
    IF NOT pg_has_role(current_user, 'loyalty_app', 'MEMBER') THEN
        GRANT loyalty_app TO CURRENT_USER;
    END IF;
END $$;
GRANT USAGE ON SCHEMA public TO loyalty_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO loyalty_app;
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO loyalty_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO loyalty_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO loyalty_app;
"""
NO_ROLE = """
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE SELECT, INSERT, UPDATE, DELETE ON TABLES FROM loyalty_app;
ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE USAGE, SELECT ON SEQUENCES FROM loyalty_app;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM loyalty_app;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM loyalty_app;
REVOKE USAGE ON SCHEMA public FROM loyalty_app;
"""


class Migration(migrations.Migration):

    dependencies = [
        ('customers', '0002_order_events_and_points_payments'),
    ]

    operations = [
        # The role that the application acts as: it owns nothing, and may not empty a table.
        migrations.RunSQL(ROLE, NO_ROLE),
        migrations.AddField(
            model_name='orderline',
            name='retailer',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        migrations.RunSQL(
            """
            UPDATE customers_orderline l SET retailer_id = o.retailer_id FROM customers_order o WHERE o.id = l.order_id;
            SET CONSTRAINTS ALL IMMEDIATE;
            """,
            migrations.RunSQL.noop,
        ),
        migrations.AlterField(
            model_name='orderline',
            name='retailer',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer'),
        ),
        own_rows_only('customers_customer'),
        own_rows_only('customers_order'),
        own_rows_only('customers_orderline'),
        own_rows_only('customers_orderevent'),
        own_rows_only('customers_return'),
        own_rows_only('customers_returnline', through('customers_return', 'order_return_id')),
        own_rows_only('customers_interaction'),
        own_rows_only('customers_factchange'),
        own_rows_only('customers_importjob'),
        own_rows_only('customers_consent', through('customers_customer', 'customer_id')),
        own_rows_only('customers_insight', through('customers_customer', 'customer_id')),
    ]
