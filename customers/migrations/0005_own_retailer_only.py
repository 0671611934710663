from django.db import migrations

# Who acts for a retailer sees no other one's name; who is about to say for whom it acts (a key, a sign-in) sees all.
POLICY = """
ALTER TABLE customers_retailer ENABLE ROW LEVEL SECURITY;
CREATE POLICY own_rows_only ON customers_retailer USING (
    coalesce(nullif(nullif(current_setting('app.retailer', true), '*'), ''), id::text) = id::text);
"""
NO_POLICY = """
DROP POLICY own_rows_only ON customers_retailer;
ALTER TABLE customers_retailer DISABLE ROW LEVEL SECURITY;
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0004_interactions_by_time")]

    operations = [migrations.RunSQL(POLICY, NO_POLICY)]
