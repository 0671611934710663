import django.contrib.postgres.indexes
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

import customers.models.searching

EXTENSIONS = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS btree_gin;
"""
# Capitals too: a database whose collation is C knows small letters of ASCII alone.
ACCENTED = "àáâãäåāçćčèéêëēėęìíîïīñńòóôõöøōùúûüūýÿžźżšśłđðÀÁÂÃÄÅĀÇĆČÈÉÊËĒĖĘÌÍÎÏĪÑŃÒÓÔÕÖØŌÙÚÛÜŪÝŸŽŹŻŠŚŁĐÐ"
PLAIN = "aaaaaaaccceeeeeeeiiiiinnooooooouuuuuyyzzzssldd"
TEXTS = f"""
CREATE FUNCTION customers_plain(said text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN translate(replace(replace(lower(said), 'œ', 'oe'), 'æ', 'ae'), '{ACCENTED}', '{PLAIN * 2}');

CREATE FUNCTION customers_person_text(first_name text, last_name text, email text, external_id text, phone text)
RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN public.customers_plain(
    ' ' || first_name || ' ' || last_name || ' ' || email || ' ' || external_id || ' '
    || regexp_replace(phone, '[^0-9]', '', 'g')
);
"""
NO_TEXTS = """
DROP FUNCTION customers_person_text(text, text, text, text, text);
DROP FUNCTION customers_plain(text);
"""
# A condition such as LIKE might tell somebody of rows that a policy hides, so under a policy it never uses an index. These
# functions look as the owner, and hold the policy's wall themselves: they answer for the retailer of the session alone.
FOUND = """
CREATE FUNCTION customers_sought(word text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE WHEN length(word) < 3 THEN '% ' ELSE '%' END
    || regexp_replace(public.customers_plain(word), '([\\\\%_])', '\\\\\\1', 'g') || '%';

CREATE FUNCTION customers_may_search(retailer bigint) RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE
RETURN coalesce(current_setting('app.retailer', true), '') IN ('*', coalesce(retailer::text, '*'));

CREATE FUNCTION customers_found(retailer bigint, words text[], most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    sought text[] := ARRAY(SELECT public.customers_sought(word) FROM unnest(words) word ORDER BY length(word) DESC);
    found text := 'public.customers_person_text(first_name, last_name, email, external_id, phone)';
BEGIN
    IF public.customers_may_search(retailer) THEN
        RETURN QUERY EXECUTE 'SELECT id FROM public.customers_customer WHERE erased_at IS NULL AND '
            || CASE WHEN retailer IS NULL THEN '' ELSE 'retailer_id = $1 AND ' END
            || found || ' LIKE $2 AND ' || found || ' LIKE ALL ($3) LIMIT $4'
            USING retailer, sought[1], sought, most;
    END IF;
END $$;

CREATE FUNCTION orders_found(retailer bigint, word text, most integer) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET enable_seqscan = off AS $$
DECLARE
    sought text := CASE WHEN length(word) < 3 THEN substr(public.customers_sought(word), 3) ELSE public.customers_sought(word) END;
BEGIN
    IF public.customers_may_search(retailer) THEN
        RETURN QUERY EXECUTE 'SELECT id FROM public.customers_order WHERE '
            || CASE WHEN retailer IS NULL THEN '' ELSE 'retailer_id = $1 AND ' END
            || 'public.customers_plain(number) LIKE $2 LIMIT $3'
            USING retailer, sought, most;
    END IF;
END $$;
"""
NOT_FOUND = """
DROP FUNCTION orders_found(bigint, text, integer);
DROP FUNCTION customers_found(bigint, text[], integer);
DROP FUNCTION customers_may_search(bigint);
DROP FUNCTION customers_sought(text);
"""


class Migration(migrations.Migration):
    atomic = False  # indexes that are built while customers and orders are reported

    dependencies = [("customers", "0016_imports_that_ask")]

    operations = [
        migrations.RunSQL(EXTENSIONS, migrations.RunSQL.noop),  # others of the database may use them
        migrations.RunSQL(TEXTS, NO_TEXTS),
        AddIndexConcurrently(
            model_name="customer",
            index=django.contrib.postgres.indexes.GinIndex(
                models.F("retailer"),
                django.contrib.postgres.indexes.OpClass(
                    customers.models.searching.PersonText(
                        "first_name",
                        "last_name",
                        "email",
                        "external_id",
                        "phone",
                    ),
                    name="gin_trgm_ops",
                ),
                condition=models.Q(("erased_at", None)),
                name="customer_searched",
            ),
        ),
        AddIndexConcurrently(
            model_name="order",
            index=django.contrib.postgres.indexes.GinIndex(
                models.F("retailer"),
                django.contrib.postgres.indexes.OpClass(
                    customers.models.searching.Plain("number"), name="gin_trgm_ops"
                ),
                name="order_searched",
            ),
        ),
        migrations.RunSQL(FOUND, NOT_FOUND),
    ]
