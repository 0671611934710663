import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

# As customers_found: it looks as the owner, and answers for the retailer of the session alone.
FOUND = """
CREATE FUNCTION memberships_found(retailer bigint, digits text, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    sought text := CASE WHEN length(digits) < 3 THEN '' ELSE '%' END || regexp_replace(digits, '[^0-9]', '', 'g') || '%';
BEGIN
    IF public.customers_may_search(retailer) THEN
        RETURN QUERY EXECUTE 'SELECT id FROM public.memberships_membership WHERE '
            || CASE WHEN retailer IS NULL THEN '' ELSE 'retailer_id = $1 AND ' END || 'number LIKE $2 LIMIT $3'
            USING retailer, sought, most;
    END IF;
END $$;
"""
NOT_FOUND = "DROP FUNCTION memberships_found(bigint, text, integer)"


class Migration(migrations.Migration):
    atomic = False  # an index that is built while members are enrolled

    dependencies = [("memberships", "0005_merged"), ("customers", "0017_search")]

    operations = [
        AddIndexConcurrently(
            model_name="membership",
            index=django.contrib.postgres.indexes.GinIndex(
                models.F("retailer"),
                django.contrib.postgres.indexes.OpClass("number", name="gin_trgm_ops"),
                name="membership_searched",
            ),
        ),
        migrations.RunSQL(FOUND, NOT_FOUND),
    ]
