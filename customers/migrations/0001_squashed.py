import customers.core.ids
import customers.core.money
import customers.models.customer
import customers.models.order
import customers.models.retailer
import customers.models.searching
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import looked_up_by_nobody, own_rows_only, through
from customers.core.migrating import Together

# Before all tables: what the application's role may do with them is said by default privileges.
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
TABLES = (
    "customer",
    "customermerge",
    "erasure",
    "factchange",
    "importjob",
    "importmapping",
    "interaction",
    "order",
    "orderclaim",
    "orderevent",
    "orderline",
    "orderrevision",
    "popularproduct",
    "product",
    "relatedproduct",
    "return",
    "suggestion",
    "undecidedfact",
)
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
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("customers", "0023_facts_seen_before")]

    dependencies = [
    ]

    operations = [
        # The role that the application acts as: it owns nothing, and may not empty a table.
        migrations.RunSQL(ROLE, NO_ROLE),
        migrations.RunSQL(EXTENSIONS, migrations.RunSQL.noop),  # others of the database may use them
        migrations.RunSQL(TEXTS, NO_TEXTS),
        Together([
        migrations.CreateModel(
            name='Retailer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('slug', models.SlugField(unique=True, verbose_name='slug')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('currency', customers.core.money.CurrencyField(default='EUR', help_text='ISO 4217 code, such as EUR.', max_length=3, validators=[customers.core.money.validate_currency], verbose_name='currency')),
                ('zone', models.CharField(default='Europe/Paris', max_length=64, validators=[customers.models.retailer.validate_zone], verbose_name='time zone')),
                ('language', models.CharField(choices=[('en', 'English'), ('fr', 'Français')], default='fr', max_length=2, verbose_name='language')),
                ('margin_rate', models.DecimalField(blank=True, decimal_places=4, help_text='Share of net revenue that is margin, such as 0.25; used where lines carry no cost.', max_digits=5, null=True, verbose_name='margin rate')),
                ('has_suggestions', models.BooleanField(db_default=False, default=False, editable=False, help_text='Since a recommendation run wrote some: nobody looks for them where there are none.', verbose_name='products are suggested')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'retailer',
                'verbose_name_plural': 'retailers',
                'constraints': [models.CheckConstraint(condition=models.Q(('currency__regex', '^[A-Z]{3}$')), name='currency_is_an_iso_code'), models.CheckConstraint(condition=models.Q(('margin_rate__isnull', True), ('margin_rate__range', (0, 1)), _connector='OR'), name='margin_rate_is_a_share')],
            },
        ),
        migrations.CreateModel(
            name='Customer',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('external_id', models.CharField(help_text="The retailer's own id.", max_length=100, verbose_name='external id')),
                ('email', models.EmailField(blank=True, max_length=254, verbose_name='e-mail')),
                ('phone', models.CharField(blank=True, max_length=32, verbose_name='phone')),
                ('first_name', models.CharField(blank=True, max_length=100, verbose_name='first name')),
                ('last_name', models.CharField(blank=True, max_length=100, verbose_name='last name')),
                ('birth_date', models.DateField(blank=True, null=True, verbose_name='birth date')),
                ('language', models.CharField(blank=True, choices=[('en', 'English'), ('fr', 'Français')], max_length=2, verbose_name='language')),
                ('acquisition_channel', models.CharField(blank=True, max_length=50, verbose_name='acquired through')),
                ('acquisition_cost', customers.core.money.MoneyField(blank=True, decimal_places=4, max_digits=16, null=True, verbose_name='acquisition cost')),
                ('identified_at', models.DateTimeField(help_text='The earliest instant at which this customer is known to have bought or come.', verbose_name='first identified')),
                ('erased_at', models.DateTimeField(blank=True, editable=False, help_text='Since then this row says of nobody.', null=True, verbose_name='erased')),
                ('recorded_at', models.DateTimeField(auto_now_add=True, verbose_name='recorded')),
                ('merged_into', models.ForeignKey(blank=True, db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='aliases', to='customers.customer', verbose_name='merged into')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='customers', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'customer',
                'verbose_name_plural': 'customers',
                'indexes': [
                    models.Index(fields=['retailer', 'email'], name='customer_by_email'),
                    models.Index(models.F('retailer'), django.db.models.functions.text.Lower('email'), condition=models.Q(('email', ''), _negated=True), name='customer_by_address'),
                    models.Index(models.F('retailer'), customers.models.customer.Digits('phone'), condition=models.Q(('phone', ''), _negated=True), name='customer_by_phone'),
                    models.Index(condition=models.Q(('merged_into__isnull', False)), fields=['merged_into'], name='customer_aliases'),
                    django.contrib.postgres.indexes.GinIndex(models.F('retailer'), django.contrib.postgres.indexes.OpClass(customers.models.searching.PersonText('first_name', 'last_name', 'email', 'external_id', 'phone'), name='gin_trgm_ops'), condition=models.Q(('erased_at', None)), name='customer_searched'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'external_id'), name='customer_once_per_external_id'),
                    models.CheckConstraint(condition=models.Q(('external_id', ''), _negated=True), name='customer_has_an_external_id'),
                    models.CheckConstraint(condition=models.Q(('merged_into', None), models.Q(('merged_into', models.F('id')), _negated=True), _connector='OR'), name='customer_never_merged_into_itself'),
                    models.CheckConstraint(condition=models.Q(('erased_at', None), models.Q(('birth_date', None), ('email', ''), ('first_name', ''), ('language', ''), ('last_name', ''), ('phone', '')), _connector='OR'), name='customer_erased_says_nothing'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Order',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(help_text="The retailer's own order number.", max_length=100, verbose_name='number')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('local_date', models.DateField(help_text="The day in the retailer's zone.", verbose_name='day')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('net_amount', customers.core.money.MoneyField(decimal_places=4, help_text='Sum of the lines after discounts, without shipping.', max_digits=16, verbose_name='net amount')),
                ('shipping_amount', customers.core.money.MoneyField(decimal_places=4, default=0, max_digits=16, verbose_name='shipping')),
                ('channel', models.CharField(blank=True, max_length=50, verbose_name='channel')),
                ('store', models.CharField(blank=True, max_length=50, verbose_name='store')),
                ('promotion_code', models.CharField(blank=True, max_length=100, verbose_name='promotion code')),
                ('is_gift', models.BooleanField(default=False, verbose_name='is a gift')),
                ('identified_by', models.CharField(blank=True, help_text='How the customer was known: account, card, e-mail.', max_length=20, verbose_name='identified by')),
                ('paid_with_points', customers.core.money.MoneyField(decimal_places=4, default=0, help_text="The part of the lines' amounts that was paid with points.", max_digits=16, verbose_name='paid with points')),
                ('redemptions', models.JSONField(blank=True, default=list, help_text='The references of the redemptions that paid it.', verbose_name='redemptions')),
                ('version', models.PositiveIntegerField(db_default=0, default=0, help_text='Of the last correction; 0 before the first one.', verbose_name='version')),
                ('content_hash', models.BinaryField(max_length=16)),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('customer', models.ForeignKey(db_index=False, blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='orders', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'order',
                'verbose_name_plural': 'orders',
                'indexes': [
                    models.Index(fields=['retailer', 'occurred_at', 'id'], name='order_by_time'),
                    models.Index(fields=['customer', 'local_date'], name='order_by_customer'),
                    django.contrib.postgres.indexes.GinIndex(models.F('retailer'), django.contrib.postgres.indexes.OpClass(customers.models.searching.Plain('number'), name='gin_trgm_ops'), name='order_searched'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'number'), name='order_once_per_number'),
                    models.CheckConstraint(condition=models.Q(('net_amount__gte', 0)), name='order_amount_never_negative'),
                    models.CheckConstraint(condition=models.Q(('shipping_amount__gte', 0)), name='order_shipping_never_negative'),
                    models.CheckConstraint(condition=models.Q(('paid_with_points__gte', 0), ('paid_with_points__lte', models.F('net_amount'))), name='order_paid_with_points_within_amount'),
                    models.CheckConstraint(condition=models.Q(('net_amount__lt', 1000000000000), ('shipping_amount__lt', 1000000000000)), name='order_amounts_within_bounds'),
                ],
            },
        ),
        migrations.CreateModel(
            name='RelatedProduct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sku', models.CharField(max_length=100, verbose_name='SKU')),
                ('relation', models.CharField(choices=[('together', 'often bought together'), ('similar', 'similar'), ('upgrade', 'similar and dearer')], max_length=10, verbose_name='relation')),
                ('rank', models.PositiveSmallIntegerField(verbose_name='rank')),
                ('related_sku', models.CharField(max_length=100, verbose_name='related SKU')),
                ('run_id', models.BigIntegerField(verbose_name='run')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'sku', 'relation', 'rank'), name='related_product_once_per_rank'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Product',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('sku', models.CharField(max_length=100, verbose_name='SKU')),
                ('name', models.CharField(blank=True, help_text='As shoppers read it.', max_length=200, verbose_name='name')),
                ('product_type', models.CharField(blank=True, help_text='Such as “whole milk”: one list of suggestions shows each type once.', max_length=100, verbose_name='product type')),
                ('in_stock', models.BooleanField(help_text='Empty where nobody says.', null=True, verbose_name='in stock')),
                ('is_suggested', models.BooleanField(default=True, verbose_name='may be suggested')),
                ('updated_at', models.DateTimeField(verbose_name='last told')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='products', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'product',
                'verbose_name_plural': 'products',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'sku'), name='product_once_per_sku'),
                    models.CheckConstraint(condition=models.Q(('sku', ''), _negated=True), name='product_has_a_sku'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PopularProduct',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('rank', models.PositiveSmallIntegerField(verbose_name='rank')),
                ('sku', models.CharField(max_length=100, verbose_name='SKU')),
                ('run_id', models.BigIntegerField(verbose_name='run')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'rank'), name='popular_product_once_per_rank'),
                ],
            },
        ),
        migrations.CreateModel(
            name='OrderRevision',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('version', models.PositiveIntegerField(help_text='Of this content; 0 is the first report.', verbose_name='version')),
                ('content', models.JSONField(help_text='The order with its lines; amounts are texts.', verbose_name='content')),
                ('content_hash', models.BinaryField(max_length=16)),
                ('replaced_at', models.DateTimeField(verbose_name='replaced')),
                ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='revisions', to='customers.order', verbose_name='order')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'earlier content of an order',
                'verbose_name_plural': 'earlier contents of orders',
                'constraints': [
                    models.UniqueConstraint(fields=('order', 'version'), name='order_revision_once_per_version'),
                ],
            },
        ),
        migrations.CreateModel(
            name='OrderLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(verbose_name='line')),
                ('sku', models.CharField(max_length=100, verbose_name='SKU')),
                ('category', models.CharField(blank=True, max_length=100, verbose_name='category')),
                ('brand', models.CharField(blank=True, max_length=100, verbose_name='brand')),
                ('quantity', customers.models.order.QuantityField(decimal_places=3, max_digits=12, verbose_name='quantity')),
                ('unit_price', customers.core.money.PriceField(decimal_places=6, max_digits=21, verbose_name='unit price')),
                ('discount', customers.core.money.MoneyField(decimal_places=4, default=0, max_digits=16, verbose_name='discount')),
                ('net_amount', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='net amount')),
                ('unit_cost', customers.core.money.PriceField(blank=True, decimal_places=6, max_digits=21, null=True, verbose_name='unit cost')),
                ('is_gift_card', models.BooleanField(db_default=False, default=False, help_text='By which a gift card is bought; what is paid with it later is an order of its own.', verbose_name='is a gift card')),
                ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='customers.order')),
                ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'order line',
                'verbose_name_plural': 'order lines',
                'indexes': [
                    models.Index(condition=models.Q(('unit_cost__isnull', False)), fields=['retailer', 'order'], name='order_line_with_cost'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('order', 'position'), name='order_line_once_per_position'),
                    models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='order_line_quantity_positive'),
                    models.CheckConstraint(condition=models.Q(('net_amount__gte', 0)), name='order_line_amount_never_negative'),
                    models.CheckConstraint(condition=models.Q(('discount__gte', 0)), name='order_line_discount_never_negative'),
                    models.CheckConstraint(condition=models.Q(('discount__lt', 1000000000000), ('net_amount__lt', 1000000000000)), name='order_line_amounts_within_bounds'),
                ],
            },
        ),
        migrations.CreateModel(
            name='OrderEvent',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(help_text="The order's number and the kind.", max_length=160, verbose_name='number')),
                ('kind', models.SlugField(db_index=False, help_text='Such as delivered.', verbose_name='kind')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('content_hash', models.BinaryField(max_length=16)),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='events', to='customers.order', verbose_name='order')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='order_events', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'event of an order',
                'verbose_name_plural': 'events of orders',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'number'), name='order_event_once_per_kind'),
                ],
            },
        ),
        migrations.CreateModel(
            name='OrderClaim',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(help_text="The retailer's own proof.", max_length=100, verbose_name='reference')),
                ('claimed_at', models.DateTimeField(verbose_name='claimed')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='customers.customer', verbose_name='customer')),
                ('order', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='claims', to='customers.order', verbose_name='order')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'claim of an order',
                'verbose_name_plural': 'claims of orders',
                'constraints': [
                    models.UniqueConstraint(fields=('order',), name='order_claimed_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Interaction',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(help_text="The retailer's own id of the interaction.", max_length=100, verbose_name='number')),
                ('kind', models.CharField(choices=[('visit', 'visit'), ('product_view', 'product view'), ('cart_abandoned', 'cart abandoned'), ('review', 'review'), ('photo', 'photo'), ('nps', 'answer to an NPS survey'), ('csat', 'answer to a satisfaction survey'), ('support', 'contact with support'), ('share', 'share'), ('event', 'event attended')], max_length=20, verbose_name='kind')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('channel', models.CharField(blank=True, max_length=50, verbose_name='channel')),
                ('sku', models.CharField(blank=True, max_length=100, verbose_name='SKU')),
                ('score', models.SmallIntegerField(blank=True, null=True, verbose_name='score')),
                ('topic', models.CharField(blank=True, db_default='', default='', help_text='What a contact with support was about.', max_length=50, verbose_name='topic')),
                ('outcome', models.CharField(blank=True, choices=[('open', 'still open'), ('solved', 'solved'), ('unsolved', 'not solved')], db_default='', default='', help_text='How a contact with support ended.', max_length=10, verbose_name='outcome')),
                ('comment', models.TextField(blank=True, db_default='', default='', max_length=2000, verbose_name='comment')),
                ('content_hash', models.BinaryField(max_length=16)),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='interactions', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='interactions', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'interaction',
                'verbose_name_plural': 'interactions',
                'indexes': [
                    models.Index(fields=['customer', 'occurred_at'], name='interaction_by_customer'),
                    models.Index(fields=['retailer', 'occurred_at', 'id'], name='interaction_by_time'),
                    models.Index(condition=models.Q(('kind__in', ['review', 'photo'])), fields=['retailer', 'sku', 'occurred_at'], name='interaction_content_by_product'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'number'), name='interaction_once_per_number'),
                    models.CheckConstraint(condition=models.Q(('kind', 'support'), models.Q(('comment', ''), ('outcome', ''), ('topic', '')), _connector='OR'), name='interaction_topic_is_of_a_contact'),
                    models.CheckConstraint(condition=models.Q(('outcome__in', ['', 'open', 'solved', 'unsolved'])), name='interaction_outcome_is_known'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ImportMapping',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('customers', 'customers'), ('orders', 'orders with lines'), ('returns', 'returns'), ('interactions', 'interactions')], max_length=20, verbose_name='kind')),
                ('columns', models.JSONField(default=dict, help_text="Our column by the file's; an empty one: nobody reads it.", verbose_name='columns')),
                ('changed_at', models.DateTimeField(auto_now=True, verbose_name='changed')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='import_mappings', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'column mapping',
                'verbose_name_plural': 'column mappings',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'kind'), name='one_mapping_of_a_retailers_kind_of_file'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ImportJob',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('customers', 'customers'), ('orders', 'orders with lines'), ('returns', 'returns'), ('interactions', 'interactions')], max_length=20, verbose_name='kind')),
                ('filename', models.CharField(max_length=255, verbose_name='file')),
                ('content', models.BinaryField()),
                ('said', models.JSONField(default=dict, editable=False, help_text='What somebody said of the file: its columns, dates, numbers.', verbose_name='answers')),
                ('seen', models.JSONField(default=dict, editable=False, help_text='How the file is read, and what to look at.', verbose_name='reading')),
                ('refused_rows', models.BinaryField(null=True)),
                ('status', models.CharField(choices=[('asked', 'to be answered'), ('previewed', 'previewed'), ('waiting', 'waiting'), ('running', 'running'), ('done', 'done'), ('failed', 'failed'), ('cancelled', 'cancelled')], default='previewed', max_length=20, verbose_name='status')),
                ('rows_total', models.PositiveIntegerField(default=0, verbose_name='rows')),
                ('rows_read', models.PositiveIntegerField(default=0, verbose_name='rows read')),
                ('created', models.PositiveIntegerField(default=0, verbose_name='new')),
                ('unchanged', models.PositiveIntegerField(default=0, verbose_name='already known')),
                ('bad', models.PositiveIntegerField(default=0, verbose_name='bad')),
                ('problems', models.JSONField(default=list, help_text='Line, column and reason of each bad row.', verbose_name='problems')),
                ('failure', models.TextField(blank=True, verbose_name='failure')),
                ('uploaded_at', models.DateTimeField(auto_now_add=True, verbose_name='uploaded')),
                ('touched_at', models.DateTimeField(auto_now=True, verbose_name='last progress')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='imports', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'import',
                'verbose_name_plural': 'imports',
            },
        ),
        migrations.CreateModel(
            name='FactChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer')),
            ],
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('asked_by', models.CharField(choices=[('person', 'the person'), ('retailer', 'the retailer’s system'), ('staff', 'staff')], max_length=10, verbose_name='asked by')),
                ('author', models.CharField(blank=True, help_text='Who of the staff.', max_length=150, verbose_name='author')),
                ('reason', models.CharField(help_text="Without the person's name.", max_length=100, verbose_name='reason')),
                ('erased_at', models.DateTimeField(verbose_name='erased')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='erasures', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'erasure',
                'verbose_name_plural': 'erasures',
                'constraints': [
                    models.UniqueConstraint(fields=('customer',), name='customer_erased_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='CustomerMerge',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('reference', models.CharField(help_text="The retailer's own proof.", max_length=100, verbose_name='reference')),
                ('merged_at', models.DateTimeField(verbose_name='merged at')),
                ('source', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer', verbose_name='merged')),
                ('target', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='merges', to='customers.customer', verbose_name='into')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'merge of customers',
                'verbose_name_plural': 'merges of customers',
                'constraints': [
                    models.UniqueConstraint(fields=('source',), name='customer_merged_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Return',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.CharField(help_text="The retailer's own number of the return.", max_length=100, verbose_name='number')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('net_amount', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='net amount')),
                ('content_hash', models.BinaryField(max_length=16)),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('order', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='customers.order', verbose_name='order')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'return',
                'verbose_name_plural': 'returns',
                'indexes': [
                    models.Index(fields=['retailer', 'occurred_at', 'id'], name='return_by_time'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'number'), name='return_once_per_number'),
                    models.CheckConstraint(condition=models.Q(('net_amount__gte', 0)), name='return_amount_never_negative'),
                ],
            },
        ),
        migrations.CreateModel(
            name='ReturnLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('quantity', customers.models.order.QuantityField(decimal_places=3, max_digits=12, verbose_name='quantity')),
                ('net_amount', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='net amount')),
                ('line', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='returns', to='customers.orderline')),
                ('order_return', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='customers.return')),
            ],
            options={
                'verbose_name': 'return line',
                'verbose_name_plural': 'return lines',
                'constraints': [
                    models.UniqueConstraint(fields=('order_return', 'line'), name='return_line_once_per_line'),
                    models.CheckConstraint(condition=models.Q(('quantity__gt', 0)), name='return_line_quantity_positive'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Suggestion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('list', models.CharField(choices=[('again', 'for the next basket'), ('new', 'new to the customer')], max_length=10, verbose_name='list')),
                ('rank', models.PositiveSmallIntegerField(verbose_name='rank')),
                ('sku', models.CharField(max_length=100, verbose_name='SKU')),
                ('reason', models.CharField(choices=[('bought', 'bought before'), ('together', 'often bought together with'), ('because', 'goes with'), ('alike', 'bought by customers who buy alike'), ('category', 'popular in the favourite category'), ('popular', 'much bought of late')], max_length=10, verbose_name='reason')),
                ('because_sku', models.CharField(blank=True, db_default='', default='', max_length=100, verbose_name='because of')),
                ('days_bought', models.PositiveIntegerField(db_default=0, default=0, verbose_name='days on which it was bought')),
                ('run_id', models.BigIntegerField(help_text='The analytics run that computed it.', verbose_name='run')),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='suggestions', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer')),
            ],
            options={
                'verbose_name': 'suggestion',
                'verbose_name_plural': 'suggestions',
                'constraints': [
                    models.UniqueConstraint(fields=('customer', 'list', 'rank'), name='suggestion_once_per_rank'),
                ],
            },
        ),
        migrations.CreateModel(
            name='UndecidedFact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('order', 'order'), ('return', 'return'), ('event', 'event of an order'), ('interaction', 'interaction'), ('correction', 'correction of an order'), ('customer', 'change of a customer')], max_length=12, verbose_name='kind')),
                ('fact_id', models.UUIDField(verbose_name='fact')),
                ('occurred_at', models.DateTimeField(verbose_name='occurred')),
                ('is_again', models.BooleanField(db_default=False, default=False, help_text='It was looked at as it was told, and waits for a program that has not decided it.', verbose_name='seen before')),
                ('attempts', models.PositiveIntegerField(db_default=0, default=0, verbose_name='attempts')),
                ('error', models.TextField(blank=True, db_default='', verbose_name='error')),
                ('next_try_at', models.DateTimeField(null=True, verbose_name='next try')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'undecided fact',
                'verbose_name_plural': 'undecided facts',
                'indexes': [
                    models.Index(fields=['retailer', 'occurred_at', 'id'], name='undecided_fact_by_time'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('kind', 'fact_id'), name='undecided_fact_once'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Insight',
            fields=[
                ('customer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='insight', serialize=False, to='customers.customer', verbose_name='customer')),
                ('run_id', models.BigIntegerField(help_text='The analytics run that computed it.', verbose_name='run')),
                ('as_of', models.DateField(verbose_name='data until')),
                ('horizon_days', models.PositiveIntegerField(verbose_name='horizon in days')),
                ('currency', customers.core.money.CurrencyField(max_length=3, verbose_name='currency')),
                ('historic_revenue', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='revenue to date')),
                ('historic_margin', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='margin to date')),
                ('formula_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='value by formula')),
                ('predicted_value', customers.core.money.MoneyField(decimal_places=4, help_text='Net margin over the horizon.', max_digits=16, null=True, verbose_name='predicted value')),
                ('value_low', customers.core.money.MoneyField(decimal_places=4, help_text='Nine of ten customers bring what is in the range.', max_digits=16, null=True, verbose_name='at least')),
                ('value_high', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='at most')),
                ('value_if_active', customers.core.money.MoneyField(decimal_places=4, help_text='What it would be if it has not left.', max_digits=16, null=True, verbose_name='value if active')),
                ('expected_purchases', models.FloatField(null=True, verbose_name='expected purchase days')),
                ('expected_order_value', customers.core.money.MoneyField(decimal_places=4, max_digits=16, null=True, verbose_name='expected value of a purchase day')),
                ('probability_active', models.FloatField(null=True, verbose_name='probability of being active')),
                ('probability_of_buying', models.FloatField(null=True, verbose_name='probability of buying within the horizon')),
                ('at_risk', models.BooleanField(help_text='Buying again has become much less probable since the last purchase.', null=True, verbose_name='at risk')),
                ('value_decile', models.PositiveSmallIntegerField(help_text='10 is the highest.', null=True, verbose_name='value decile')),
                ('segment', models.CharField(blank=True, choices=[('vip', 'VIP'), ('vip_at_risk', 'VIP at risk'), ('potential_loyal', 'potential loyal'), ('loyal_low_value', 'loyal of low value'), ('low_value_at_risk', 'low value at risk')], db_default='', default='', max_length=20, verbose_name='segment')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('serial_returner', 'serial returner'), ('seldom_buyer', 'visitor who seldom buys'), ('gift_buyer', 'gift buyer'), ('category_lover', 'category lover'), ('brand_lover', 'brand lover'), ('seasonal_buyer', 'seasonal buyer'), ('promotion_lover', 'promotion lover')], max_length=20), blank=True, db_default=[], default=list, size=None, verbose_name='tags')),
                ('life_stage', models.CharField(blank=True, choices=[('never_bought', 'never bought'), ('new', 'new customer'), ('established', 'established'), ('overdue', 'overdue'), ('lost', 'lost')], db_default='', default='', max_length=20, verbose_name='stage')),
                ('rfm', models.CharField(blank=True, db_default='', default='', help_text='Recency, frequency and spend, each from 1 to 5, the best.', max_length=3, verbose_name='RFM')),
                ('favourite_category', models.CharField(blank=True, db_default='', default='', help_text='Of who loves a category.', max_length=100, verbose_name='favourite category')),
                ('favourite_brand', models.CharField(blank=True, db_default='', default='', help_text='Of who loves a brand.', max_length=100, verbose_name='favourite brand')),
            ],
            options={
                'verbose_name': 'insight',
                'verbose_name_plural': 'insights',
                'constraints': [models.CheckConstraint(condition=models.Q(('probability_active__isnull', True), ('probability_active__range', (0, 1)), _connector='OR'), name='insight_probability_is_one'), models.CheckConstraint(condition=models.Q(('probability_of_buying__isnull', True), ('probability_of_buying__range', (0, 1)), _connector='OR'), name='insight_chance_is_one'), models.CheckConstraint(condition=models.Q(('value_low__isnull', True), ('value_high__gte', models.F('value_low')), _connector='OR'), name='insight_range_in_order'), models.CheckConstraint(condition=models.Q(('value_decile__isnull', True), ('value_decile__range', (1, 10)), _connector='OR'), name='insight_decile_is_one')],
            },
        ),
        migrations.CreateModel(
            name='Consent',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('purpose', models.CharField(choices=[('program', 'taking part in the program'), ('email', 'messages by e-mail'), ('sms', 'messages by SMS'), ('push', 'push messages'), ('profiling', 'offers based on a profile')], max_length=20, verbose_name='purpose')),
                ('granted', models.BooleanField(verbose_name='granted')),
                ('occurred_at', models.DateTimeField(verbose_name='when')),
                ('source', models.CharField(help_text='Such as till, web, app, import.', max_length=50, verbose_name='where')),
                ('wording', models.TextField(blank=True, help_text='What the customer read and agreed to.', verbose_name='wording')),
                ('recorded_at', models.DateTimeField(auto_now_add=True, verbose_name='recorded')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='consents', to='customers.customer', verbose_name='customer')),
            ],
            options={
                'verbose_name': 'consent',
                'verbose_name_plural': 'consents',
                'indexes': [models.Index(fields=['customer', 'purpose', '-occurred_at'], name='consent_newest_first')],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='consent',
            trigger=pgtrigger.compiler.Trigger(name='consents_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='2ee80728fa5c2bfac7cdb3b72998707628db5d15', operation='UPDATE OR DELETE', pgid='pgtrigger_consents_are_append_only_c7e77', table='customers_consent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='consent',
            trigger=pgtrigger.compiler.Trigger(name='consents_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='6541afae653364b593461d0aafecd02459976e8a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_consents_never_truncated_d6701', table='customers_consent', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderrevision',
            trigger=pgtrigger.compiler.Trigger(name='order_revisions_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='6a006b36675a576ade9e8495af2a661d923fa448', operation='UPDATE OR DELETE', pgid='pgtrigger_order_revisions_are_append_only_ead70', table='customers_orderrevision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderrevision',
            trigger=pgtrigger.compiler.Trigger(name='order_revisions_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='5f61ec2cdf2800e6023e70347ff389bf3d493e4e', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_order_revisions_never_truncated_c293e', table='customers_orderrevision', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderclaim',
            trigger=pgtrigger.compiler.Trigger(name='order_claims_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4c14530d64190cb94cfd10d4f1ae1de87e6d3552', operation='UPDATE OR DELETE', pgid='pgtrigger_order_claims_are_append_only_090e5', table='customers_orderclaim', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='orderclaim',
            trigger=pgtrigger.compiler.Trigger(name='order_claims_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='903a7ac655e860061ab2cb8ab4050ec1fd6a9baf', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_order_claims_never_truncated_accc6', table='customers_orderclaim', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='erasure',
            trigger=pgtrigger.compiler.Trigger(name='erasures_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='4662f115b6298d63e8eae7e4e11a35d7ea0dacf2', operation='UPDATE OR DELETE', pgid='pgtrigger_erasures_are_append_only_0423e', table='customers_erasure', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='erasure',
            trigger=pgtrigger.compiler.Trigger(name='erasures_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='8daeaf258919acc49dd8b210a94645a02ea5d159', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_erasures_never_truncated_9759b', table='customers_erasure', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='customermerge',
            trigger=pgtrigger.compiler.Trigger(name='customer_merges_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b30b457f657b88bcfeaeb728b8f18f45e337ccc4', operation='UPDATE OR DELETE', pgid='pgtrigger_customer_merges_are_append_only_ce360', table='customers_customermerge', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='customermerge',
            trigger=pgtrigger.compiler.Trigger(name='customer_merges_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='99ac1f366a3dc430fa420120609ed39804dd2e36', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_customer_merges_never_truncated_7fae0', table='customers_customermerge', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"customers_{table}") for table in TABLES),
        own_rows_only("customers_consent", through("customers_customer", "customer_id")),
        own_rows_only("customers_insight", through("customers_customer", "customer_id")),
        own_rows_only("customers_retailer", "id = current_setting('app.retailer', true)::bigint"),
        own_rows_only("customers_returnline", through("customers_return", "order_return_id")),
        looked_up_by_nobody("customers_retailer"),
        migrations.RunSQL(FOUND, NOT_FOUND),
    ]
