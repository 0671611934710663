"""
Who has an e-mail address or a phone number is found by an index.

Under a policy no index is used for what a function makes of a column (ADR 46): each look-up of a till read all customers of its
retailer. These functions look as the owner, and hold the policy's wall themselves, as those of the search do (ADR 41).
"""

from typing import ClassVar

from django.db import migrations

FIND = """
CREATE FUNCTION customers_with_email(retailer bigint, address text) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 2 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF retailer IS NOT NULL AND public.customers_may_search(retailer) THEN
        RETURN QUERY SELECT id FROM public.customers_customer
            WHERE retailer_id = retailer AND email <> '' AND lower(email) = address;
    END IF;
END $$;

CREATE FUNCTION customers_with_phone(retailer bigint, digits text[]) RETURNS SETOF uuid
LANGUAGE plpgsql STABLE SECURITY DEFINER ROWS 2 SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF retailer IS NOT NULL AND public.customers_may_search(retailer) THEN
        RETURN QUERY SELECT id FROM public.customers_customer
            WHERE retailer_id = retailer AND phone <> '' AND regexp_replace(phone, '[^0-9]', '', 'g') = ANY (digits);
    END IF;
END $$;
"""
FIND_NO_MORE = """
DROP FUNCTION customers_with_phone(bigint, text[]);
DROP FUNCTION customers_with_email(bigint, text);
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("customers", "0004_no_index_twice")]
    operations: ClassVar = [migrations.RunSQL(FIND, FIND_NO_MORE)]
