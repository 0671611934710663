from django.db import migrations

# Only who owns a table may analyse it: the role of the application is told so in a warning that nobody reads, and nothing is done.
ANALYSED = """
CREATE FUNCTION customers_analyse() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    ANALYZE public.customers_customer, public.customers_order, public.customers_orderline, public.customers_return,
        public.customers_returnline;
END $$;
REVOKE ALL ON FUNCTION customers_analyse() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION customers_analyse() TO loyalty_app;
"""


class Migration(migrations.Migration):
    dependencies = [
        ('customers', '0002_contacts_by_topic'),
    ]

    operations = [
        migrations.RunSQL(ANALYSED, "DROP FUNCTION customers_analyse()"),
    ]
