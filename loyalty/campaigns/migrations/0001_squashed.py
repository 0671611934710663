import customers.core.ids
import customers.core.money
import customers.models.retailer
import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import loyalty.campaigns.models.channel
import loyalty.campaigns.models.step
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

from customers.core.tenancy import own_rows_only
from customers.core.migrating import Together

TABLES = (
    "address",
    "answer",
    "campaign",
    "campaignversion",
    "entry",
    "followup",
    "frequencycap",
    "invitation",
    "message",
    "messagechannel",
    "offer",
    "offergrant",
    "offerrefusal",
    "outcome",
    "pushdevice",
    "receipt",
    "recipient",
    "sendinghours",
    "step",
    "steptext",
    "survey",
    "waitingfact",
)
# Each asks one index, for the customers of the statement; where no campaign waits, nothing is written.
NOTE_ORDERS = """
CREATE FUNCTION campaigns_note_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
    SELECT n.retailer_id, n.customer_id, 'order', n.number, n.occurred_at FROM recorded n
    WHERE EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = n.customer_id AND e.ended_at IS NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_learn_of_orders AFTER INSERT ON customers_order
REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION campaigns_note_orders();
"""
NOTE_CARTS = """
CREATE FUNCTION campaigns_note_carts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
    SELECT n.retailer_id, n.customer_id, 'cart', n.number, n.occurred_at FROM recorded n
    WHERE n.kind = 'cart_abandoned' AND EXISTS (
        SELECT 1 FROM campaigns_campaign c JOIN campaigns_campaignversion v ON v.id = c.version_id
        WHERE c.retailer_id = n.retailer_id AND c.state = 'live' AND v.trigger ->> 'kind' = 'cart');
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_learn_of_carts AFTER INSERT ON customers_interaction
REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION campaigns_note_carts();
"""
NOTE_CONSENTS = """
CREATE FUNCTION campaigns_note_consents() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
    SELECT c.retailer_id, c.id, 'profiling_withdrawn', '', n.occurred_at
    FROM recorded n JOIN customers_customer c ON c.id = n.customer_id
    WHERE n.purpose = 'profiling' AND NOT n.granted
        AND EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = c.id AND e.ended_at IS NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_learn_of_consents AFTER INSERT ON customers_consent
REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION campaigns_note_consents();
"""
# As orders are noted: where nobody is in a campaign, nothing is written.
NOTE_RETURNS = """
CREATE FUNCTION campaigns_note_returns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
    SELECT n.retailer_id, o.customer_id, 'return', o.number, n.occurred_at
    FROM recorded n JOIN customers_order o ON o.id = n.order_id
    WHERE EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = o.customer_id AND e.ended_at IS NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_learn_of_returns AFTER INSERT ON customers_return
REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION campaigns_note_returns();
"""
# As orders are noted: where nobody is in a campaign, nothing is written.
NOTE_CONTACTS = """
CREATE FUNCTION campaigns_note_contacts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO campaigns_waitingfact (retailer_id, customer_id, kind, number, occurred_at)
    SELECT n.retailer_id, n.customer_id, 'contact', n.number, n.occurred_at FROM recorded n
    WHERE n.kind = 'support'
        AND EXISTS (SELECT 1 FROM campaigns_entry e WHERE e.customer_id = n.customer_id AND e.ended_at IS NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER campaigns_learn_of_contacts AFTER INSERT ON customers_interaction
REFERENCING NEW TABLE AS recorded FOR EACH STATEMENT EXECUTE FUNCTION campaigns_note_contacts();
"""
NOT_ORDERS = "DROP TRIGGER campaigns_learn_of_orders ON customers_order; DROP FUNCTION campaigns_note_orders();"
NOT_CARTS = "DROP TRIGGER campaigns_learn_of_carts ON customers_interaction; DROP FUNCTION campaigns_note_carts();"
NOT_CONSENTS = "DROP TRIGGER campaigns_learn_of_consents ON customers_consent; DROP FUNCTION campaigns_note_consents();"
NOT_RETURNS = "DROP TRIGGER campaigns_learn_of_returns ON customers_return; DROP FUNCTION campaigns_note_returns();"
NOT_CONTACTS = "DROP TRIGGER campaigns_learn_of_contacts ON customers_interaction; DROP FUNCTION campaigns_note_contacts();"


class Migration(migrations.Migration):
    initial = True

    # What earlier releases made step by step: a database that stands at their last step has all of this.
    replaces = [("campaigns", "0013_messages_end_once")]

    dependencies = [
        ("customers", "0001_squashed"),
        ("experiments", "0001_squashed"),
        ("memberships", "0001_squashed"),
        ("programs", "0001_squashed"),
        ("rewards", "0001_squashed"),
    ]

    operations = [
        Together([
        migrations.CreateModel(
            name='SendingHours',
            fields=[
                ('retailer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='sending_hours', serialize=False, to='customers.retailer', verbose_name='retailer')),
                ('quiet_from', models.TimeField(default='21:00', verbose_name='quiet from')),
                ('quiet_to', models.TimeField(default='08:00', help_text='The same as its beginning where there are no quiet hours.', verbose_name='quiet to')),
            ],
            options={
                'verbose_name': 'quiet hours',
                'verbose_name_plural': 'quiet hours',
            },
        ),
        migrations.CreateModel(
            name='FrequencyCap',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('limit', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1)], verbose_name='at most')),
                ('days', models.PositiveSmallIntegerField(default=1, help_text="Of the member's own calendar, today included.", validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(30)], verbose_name='in so many days')),
                ('channel', models.CharField(blank=True, choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook'), ('inbox', 'inbox')], help_text='Empty for all channels.', max_length=8, verbose_name='only by')),
                ('kind', models.CharField(blank=True, choices=[('program', 'about the program'), ('marketing', 'marketing')], max_length=9, verbose_name='only of the kind')),
                ('tag', models.SlugField(blank=True, verbose_name='only with the tag')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'cap',
                'verbose_name_plural': 'caps',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'channel', 'kind', 'tag', 'days'), name='cap_once_per_window'),
                    models.CheckConstraint(condition=models.Q(('limit__gte', 1)), name='cap_lets_one_pass'),
                    models.CheckConstraint(condition=models.Q(('days__range', (1, 30))), name='cap_has_days'),
                ],
            },
        ),
        migrations.CreateModel(
            name='MessageChannel',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook')], max_length=8, verbose_name='channel')),
                ('provider', models.CharField(choices=[('mail', "this site's mail server"), ('http', 'an address that takes messages as JSON'), ('web_push', 'browsers, by Web Push')], max_length=8, verbose_name='provider')),
                ('is_active', models.BooleanField(default=True, verbose_name='in use')),
                ('url', models.URLField(blank=True, max_length=500, verbose_name='address of the provider')),
                ('secret', models.CharField(blank=True, editable=False, help_text='Signs what is sent to it, and its receipts.', max_length=100, verbose_name='secret')),
                ('takes_keys', models.BooleanField(default=False, help_text='It takes a message once for each Idempotency-Key: one without an answer may be sent again.', verbose_name='knows what it has already taken')),
                ('needs_verified', models.BooleanField(default=False, verbose_name='only verified addresses')),
                ('sender', models.CharField(blank=True, max_length=200, verbose_name='sender')),
                ('reply_to', models.EmailField(blank=True, max_length=254, verbose_name='answers go to')),
                ('per_second', models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='at most so many a second')),
                ('tokens', models.FloatField(default=0, editable=False)),
                ('refilled_at', models.DateTimeField(editable=False, null=True)),
                ('quiet_from', models.TimeField(blank=True, null=True, verbose_name='quiet from')),
                ('quiet_to', models.TimeField(blank=True, null=True, verbose_name='quiet to')),
                ('days_off', django.contrib.postgres.fields.ArrayField(base_field=models.PositiveSmallIntegerField(validators=[django.core.validators.MaxValueValidator(6)]), blank=True, default=list, help_text='Weekdays on which nothing is sent: 0 is Monday, 6 is Sunday.', size=6, verbose_name='days off')),
                ('holidays_of', models.CharField(blank=True, help_text='A country, such as FR, on whose public holidays nothing is sent.', max_length=2, validators=[loyalty.campaigns.models.channel.validate_country], verbose_name='public holidays of')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'channel for messages',
                'verbose_name_plural': 'channels for messages',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'channel'), name='channel_once_per_retailer'),
                    models.CheckConstraint(condition=models.Q(('channel', 'inbox'), _negated=True), name='inbox_has_no_provider'),
                    models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_to__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_to__isnull', False)), _connector='OR'), name='channel_quiet_hours_have_both_ends', violation_error_message='Quiet hours have a beginning and an end.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('channel', 'email'), ('provider', 'mail')), models.Q(('channel', 'push'), ('provider', 'web_push')), models.Q(('provider', 'http'), models.Q(('url', ''), _negated=True), models.Q(('secret', ''), _negated=True)), _connector='OR'), name='channel_reaches_its_provider', violation_error_message='Mail goes by the mail server or an address, push to browsers or by an address, all else by an address.'),
                    models.CheckConstraint(condition=models.Q(('takes_keys', False), ('provider', 'http'), _connector='OR'), name='mail_server_takes_no_keys'),
                    models.CheckConstraint(condition=models.Q(('per_second__isnull', True), ('per_second__gte', 1), _connector='OR'), name='channel_speed_positive'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Offer',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(verbose_name='code')),
                ('name', models.CharField(max_length=100, verbose_name='name')),
                ('name_fr', models.CharField(blank=True, max_length=100, verbose_name='name in French')),
                ('rewards', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), help_text='Their codes. A member gets the first one that its variant of an experiment has.', size=10, verbose_name='rewards')),
                ('at_most', customers.core.money.MoneyField(blank=True, decimal_places=4, help_text='Each, where the reward says neither an amount nor a cost: so much is reserved, and the till gives no more.', max_digits=16, null=True, validators=[django.core.validators.MinValueValidator(0)], verbose_name='costs at most')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('live', 'live'), ('ended', 'ended'), ('withdrawn', 'withdrawn')], default='draft', editable=False, max_length=9, verbose_name='state')),
                ('first_day', models.DateField(blank=True, null=True, verbose_name='from the day')),
                ('last_day', models.DateField(blank=True, help_text='On which it is given, and can be used.', null=True, verbose_name='through the day')),
                ('valid_days', models.PositiveSmallIntegerField(default=14, help_text='The day on which it is given and so many more, to midnight where the member is.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(400)], verbose_name='good for days')),
                ('again_after_days', models.PositiveSmallIntegerField(blank=True, help_text='So long a member does not get it again; empty for at once.', null=True, verbose_name='again after days')),
                ('slot', models.SlugField(blank=True, help_text='Of offers with the same slot, a member has one at a time: the one that goes first.', verbose_name='slot')),
                ('priority', models.PositiveSmallIntegerField(default=10, help_text='In its slot, the higher goes first; where experiments tell what each brings, the one that brings most.', validators=[django.core.validators.MaxValueValidator(100)], verbose_name='priority')),
                ('tiers', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Their codes.', size=None, verbose_name='only for tiers')),
                ('segments', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('top_value', 'top_value'), ('middle_value', 'middle_value'), ('low_value', 'low_value'), ('at_risk', 'at_risk'), ('active', 'active'), ('vip', 'vip'), ('vip_at_risk', 'vip_at_risk'), ('potential_loyal', 'potential_loyal'), ('loyal_low_value', 'loyal_low_value'), ('low_value_at_risk', 'low_value_at_risk'), ('serial_returner', 'serial_returner'), ('seldom_buyer', 'seldom_buyer'), ('gift_buyer', 'gift_buyer'), ('category_lover', 'category_lover'), ('brand_lover', 'brand_lover'), ('seasonal_buyer', 'seasonal_buyer'), ('promotion_lover', 'promotion_lover'), ('new', 'new'), ('established', 'established'), ('overdue', 'overdue'), ('lost', 'lost')], max_length=30), blank=True, default=list, help_text='Of one of them; of members who agreed to offers based on a profile.', size=None, verbose_name='only for segments')),
                ('value_from', models.PositiveSmallIntegerField(blank=True, help_text='10 is the highest.', null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)], verbose_name='value from decile')),
                ('value_to', models.PositiveSmallIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(10)], verbose_name='value to decile')),
                ('categories', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None, verbose_name='only for lovers of the categories')),
                ('brands', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=100), blank=True, default=list, size=None, verbose_name='only for lovers of the brands')),
                ('excluded', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('top_value', 'top_value'), ('middle_value', 'middle_value'), ('low_value', 'low_value'), ('at_risk', 'at_risk'), ('active', 'active'), ('vip', 'vip'), ('vip_at_risk', 'vip_at_risk'), ('potential_loyal', 'potential_loyal'), ('loyal_low_value', 'loyal_low_value'), ('low_value_at_risk', 'low_value_at_risk'), ('serial_returner', 'serial_returner'), ('seldom_buyer', 'seldom_buyer'), ('gift_buyer', 'gift_buyer'), ('category_lover', 'category_lover'), ('brand_lover', 'brand_lover'), ('seasonal_buyer', 'seasonal_buyer'), ('promotion_lover', 'promotion_lover'), ('new', 'new'), ('established', 'established'), ('overdue', 'overdue'), ('lost', 'lost')], max_length=30), blank=True, default=list, help_text='Whom it would cost more than it brings, such as serial_returner or promotion_lover.', size=None, verbose_name='not for segments')),
                ('found_look', models.PositiveBigIntegerField(editable=False, help_text='The number of that report.', null=True, verbose_name='report')),
                ('expected_margin', customers.core.money.MoneyField(decimal_places=4, editable=False, help_text='For each member that it is meant for, less its cost: as the experiment of its campaign found.', max_digits=16, null=True, verbose_name='expected margin')),
                ('expected_as_of', models.DateTimeField(editable=False, null=True, verbose_name='expected since')),
                ('created_at', models.DateTimeField(editable=False, verbose_name='created')),
                ('budget', models.OneToOneField(editable=False, on_delete=django.db.models.deletion.PROTECT, related_name='offer', to='rewards.rewardbudget', verbose_name='budget')),
                ('found_in', models.ForeignKey(editable=False, help_text='The experiment of depths from whose report it was drawn up.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offers_found', to='experiments.experiment', verbose_name='found in')),
                ('hold_out', models.ForeignKey(blank=True, help_text='An experiment of variants whose control does not get it, so that the difference is what it does.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offers_held_out', to='experiments.experiment', verbose_name='hold-out')),
                ('instead', models.ForeignKey(blank=True, help_text='An offer that is no discount; empty for nothing.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='campaigns.offer', verbose_name='those get instead')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offers', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='offers', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'offer',
                'verbose_name_plural': 'offers',
                'indexes': [
                    models.Index(condition=models.Q(('slot', ''), _negated=True), fields=['program', 'slot'], name='offer_of_a_slot'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'code'), name='offer_once_per_code'),
                    models.CheckConstraint(condition=models.Q(('rewards__len__gte', 1)), name='offer_has_a_reward'),
                    models.CheckConstraint(condition=models.Q(('first_day__isnull', True), ('last_day__isnull', True), ('last_day__gte', models.F('first_day')), _connector='OR'), name='offer_ends_after_it_begins', violation_error_message='It ends after it begins.'),
                    models.CheckConstraint(condition=models.Q(('instead__isnull', True), models.Q(('excluded', []), _negated=True), _connector='OR'), name='offer_instead_is_for_the_excluded', violation_error_message='Say who is excluded, and gets another offer instead.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('found_in__isnull', True), ('found_look__isnull', True)), models.Q(('found_in__isnull', False), ('found_look__isnull', False)), _connector='OR'), name='offer_found_in_a_report_of_an_experiment'),
                ],
            },
        ),
        migrations.CreateModel(
            name='OfferGrant',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('occurrence', models.CharField(help_text='The fact, such as birthday:2026, or the step of a campaign.', max_length=150, verbose_name='because of')),
                ('reward_key', models.UUIDField(editable=False, verbose_name='identity of the reward')),
                ('reserved', customers.core.money.MoneyField(decimal_places=4, max_digits=16, verbose_name='reserved')),
                ('state', models.CharField(choices=[('granted', 'given'), ('taken', 'taken'), ('declined', 'declined'), ('expired', 'expired'), ('withdrawn', 'withdrawn')], default='granted', max_length=9, verbose_name='state')),
                ('chosen_over', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='Offers of its slot that the member could have had, too.', size=None, verbose_name='chosen over')),
                ('chosen_by', models.CharField(blank=True, choices=[('margin', 'what it is expected to bring'), ('priority', 'its priority')], help_text='Empty where there was no other one.', max_length=8, verbose_name='chosen by')),
                ('instead_of', models.SlugField(db_index=False, blank=True, help_text='The offer from which the member is excluded.', verbose_name='instead of')),
                ('insight_as_of', models.DateField(help_text='Of what was known of the member; empty where nothing of it was asked.', null=True, verbose_name='data until')),
                ('granted_at', models.DateTimeField(verbose_name='given')),
                ('expires_at', models.DateTimeField(verbose_name='ends')),
                ('ended_at', models.DateTimeField(help_text='Before it was taken.', null=True, verbose_name='ended')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offer_grants', to='customers.customer', verbose_name='customer')),
                ('membership', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='offer_grants', to='memberships.membership', verbose_name='member')),
                ('offer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='grants', to='campaigns.offer', verbose_name='offer')),
                ('redemption', models.OneToOneField(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='offer_grant', to='rewards.rewardredemption', verbose_name='redemption')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'offer of a member',
                'verbose_name_plural': 'offers of members',
                'indexes': [
                    models.Index(condition=models.Q(('state', 'granted')), fields=['offer', 'expires_at'], name='grant_open'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('offer', 'customer', 'occurrence'), name='grant_once_per_occurrence'),
                    models.CheckConstraint(condition=models.Q(models.Q(('redemption__isnull', False), ('state', 'taken')), models.Q(models.Q(('state', 'taken'), _negated=True), ('redemption__isnull', True)), _connector='OR'), name='taken_grant_has_a_redemption'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('state__in', ['granted', 'taken'])), models.Q(('ended_at__isnull', False), ('state__in', ['declined', 'expired', 'withdrawn'])), _connector='OR'), name='ended_grant_has_an_instant'),
                ],
            },
        ),
        migrations.CreateModel(
            name='OfferRefusal',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurrence', models.CharField(max_length=150, verbose_name='because of')),
                ('reason', models.CharField(choices=[('no_member', 'is no member'), ('not_live', 'the offer is not given'), ('not_yet', 'it is too early'), ('no_longer', 'it is too late'), ('held_out', 'is held out'), ('no_reward', 'there is no reward of it for the member'), ('no_profiling', 'did not agree to offers based on a profile'), ('other_tier', 'has another tier'), ('other_segment', 'is of other segments'), ('other_value', 'has another value'), ('other_affinity', 'likes something else'), ('excluded', 'is excluded'), ('again_after', 'had it not long ago'), ('slot_taken', 'has another offer of the slot'), ('budget_reserved', 'the budget is reserved')], max_length=15, verbose_name='why not')),
                ('rule', models.CharField(blank=True, help_text='Such as the segment, or the offer that the member has.', max_length=50, verbose_name='rule')),
                ('reserves', customers.core.money.MoneyField(decimal_places=4, default=0, help_text='What was not reserved for it.', max_digits=16, verbose_name='would reserve')),
                ('insight_as_of', models.DateField(null=True, verbose_name='data until')),
                ('refused_at', models.DateTimeField(verbose_name='when')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer', verbose_name='customer')),
                ('offer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='refusals', to='campaigns.offer', verbose_name='offer')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'refused offer',
                'verbose_name_plural': 'refused offers',
                'indexes': [
                    models.Index(fields=['offer', 'reason'], name='refusal_by_offer'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('offer', 'customer', 'occurrence', 'reason'), name='refused_once_per_reason'),
                ],
            },
        ),
        migrations.CreateModel(
            name='PushDevice',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('web', 'a browser'), ('app', 'an app')], max_length=3, verbose_name='kind')),
                ('address', models.CharField(help_text="Where a browser's messages are posted, or an app's token.", max_length=1000, verbose_name='address')),
                ('p256dh', models.CharField(blank=True, max_length=87, verbose_name='public key')),
                ('auth', models.CharField(blank=True, max_length=22, verbose_name='secret')),
                ('created_at', models.DateTimeField(verbose_name='registered')),
                ('customer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='push_devices', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'device',
                'verbose_name_plural': 'devices',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'address'), name='device_once_per_retailer'),
                    models.CheckConstraint(condition=models.Q(models.Q(('address__regex', '^https://'), ('auth__regex', '^[A-Za-z0-9_-]{22}$'), ('kind', 'web'), ('p256dh__regex', '^[A-Za-z0-9_-]{87}$')), models.Q(('auth', ''), ('kind', 'app'), ('p256dh', ''), models.Q(('address', ''), _negated=True)), _connector='OR'), name='device_is_a_browser_or_an_app'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Recipient',
            fields=[
                ('customer', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='recipient', serialize=False, to='customers.customer', verbose_name='customer')),
                ('zone', models.CharField(blank=True, help_text="Empty for the retailer's.", max_length=64, validators=[customers.models.retailer.validate_zone], verbose_name='time zone')),
                ('preferred_channel', models.CharField(blank=True, choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook'), ('inbox', 'inbox')], max_length=8, verbose_name='preferred channel')),
                ('quiet_from', models.TimeField(blank=True, null=True, verbose_name='quiet from')),
                ('quiet_to', models.TimeField(blank=True, null=True, verbose_name='quiet to')),
                ('paused_until', models.DateTimeField(blank=True, help_text='Until then nothing is sent but service.', null=True, verbose_name='paused until')),
                ('next_due_at', models.DateTimeField(editable=False, help_text='When a message is next to be looked at: may be early, never late.', null=True, verbose_name='next due')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'recipient',
                'verbose_name_plural': 'recipients',
                'indexes': [
                    models.Index(condition=models.Q(('next_due_at__isnull', False)), fields=['retailer', 'next_due_at'], name='recipient_due'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(models.Q(('quiet_from__isnull', True), ('quiet_to__isnull', True)), models.Q(('quiet_from__isnull', False), ('quiet_to__isnull', False)), _connector='OR'), name='recipient_quiet_hours_have_both_ends', violation_error_message='Quiet hours have a beginning and an end.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Survey',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('code', models.SlugField(verbose_name='code')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('kind', models.CharField(choices=[('nps', 'would recommend us (NPS, 0 to 10)'), ('csat', 'is satisfied (CSAT, 1 to 5)')], max_length=4, verbose_name='kind')),
                ('question', models.CharField(blank=True, help_text='Empty for the usual one of its kind.', max_length=300, verbose_name='question')),
                ('question_fr', models.CharField(blank=True, max_length=300, verbose_name='question in French')),
                ('is_open', models.BooleanField(default=True, help_text='Else nobody is invited, and nobody answers.', verbose_name='asks')),
                ('again_after_days', models.PositiveSmallIntegerField(default=91, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(730)], verbose_name='the same customer again after days')),
                ('after_any_days', models.PositiveSmallIntegerField(default=7, help_text='Since a customer was asked anything else; 0 where that does not matter.', validators=[django.core.validators.MaxValueValidator(730)], verbose_name='after any other survey, days')),
                ('answer_within_days', models.PositiveSmallIntegerField(default=14, help_text='Then the link answers nothing any more.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(90)], verbose_name='answers within days')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='surveys', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'survey',
                'verbose_name_plural': 'surveys',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'code'), name='survey_once_per_code'),
                    models.CheckConstraint(condition=models.Q(('question_fr', ''), models.Q(('question', ''), _negated=True), _connector='OR'), name='survey_in_french_is_one_in_english', violation_error_message='Write your own question in English as well.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='WaitingFact',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('order', 'order'), ('cart', 'cart'), ('return', 'return'), ('contact', 'contact with support'), ('merged', 'merged into another customer'), ('profiling_withdrawn', 'no offers based on a profile any more')], max_length=20, verbose_name='kind')),
                ('number', models.CharField(blank=True, max_length=100, verbose_name='number')),
                ('occurred_at', models.DateTimeField(verbose_name='when')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'fact that waits',
                'verbose_name_plural': 'facts that wait',
            },
        ),
        migrations.CreateModel(
            name='Address',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook'), ('inbox', 'inbox')], max_length=8, verbose_name='channel')),
                ('value_hash', models.CharField(help_text='A keyed hash: it tells nobody the address.', max_length=64, verbose_name='address')),
                ('verified_at', models.DateTimeField(blank=True, null=True, verbose_name='verified')),
                ('suppressed_at', models.DateTimeField(blank=True, null=True, verbose_name='takes nothing since')),
                ('reason', models.CharField(blank=True, choices=[('hard_bounce', 'does not exist'), ('soft_bounces', 'refused three times in two weeks'), ('complaint', 'complained'), ('staff', 'by staff')], max_length=12, verbose_name='why')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'address',
                'verbose_name_plural': 'addresses',
                'constraints': [models.UniqueConstraint(fields=('retailer', 'channel', 'value_hash'), name='address_once_per_channel'), models.CheckConstraint(condition=models.Q(models.Q(('reason', ''), ('suppressed_at__isnull', True)), models.Q(('suppressed_at__isnull', False), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='suppressed_address_has_a_reason')],
            },
        ),
        migrations.CreateModel(
            name='Campaign',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('code', models.SlugField(verbose_name='code')),
                ('name', models.CharField(max_length=200, verbose_name='name')),
                ('kind', models.CharField(choices=[('broadcast', 'broadcast'), ('journey', 'journey')], max_length=9, verbose_name='kind')),
                ('priority', models.PositiveSmallIntegerField(default=10, help_text="Of what competes for a member's attention, the higher goes first.", validators=[django.core.validators.MaxValueValidator(100)], verbose_name='priority')),
                ('starts_at', models.DateTimeField(blank=True, null=True, verbose_name='from')),
                ('ends_at', models.DateTimeField(blank=True, help_text='Then nobody enters any more; who is in it goes on.', null=True, verbose_name='until')),
                ('state', models.CharField(choices=[('draft', 'draft'), ('live', 'live'), ('paused', 'paused'), ('ended', 'ended')], default='draft', editable=False, max_length=6, verbose_name='state')),
                ('found_until', models.DateField(editable=False, help_text='The last night that is done.', null=True, verbose_name='looked for members until')),
                ('created_at', models.DateTimeField(verbose_name='created')),
                ('ended_at', models.DateTimeField(editable=False, null=True, verbose_name='ended')),
                ('experiment', models.ForeignKey(blank=True, help_text='Its control gets nothing, so that the difference is what the campaign did.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='experiments.experiment', verbose_name='experiment')),
                ('program', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='programs.program', verbose_name='program')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='campaigns', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'campaign',
                'verbose_name_plural': 'campaigns',
                'indexes': [
                    models.Index(condition=models.Q(('state', 'live')), fields=['retailer'], name='campaign_live'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'code'), name='campaign_once_per_code'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', False), ('state', 'ended')), models.Q(models.Q(('state', 'ended'), _negated=True), ('ended_at__isnull', True)), _connector='OR'), name='ended_campaign_has_an_instant'),
                    models.CheckConstraint(condition=models.Q(('ends_at__isnull', True), ('starts_at__isnull', True), ('ends_at__gt', models.F('starts_at')), _connector='OR'), name='campaign_ends_after_it_starts', violation_error_message='It ends after it starts.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='CampaignVersion',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.PositiveSmallIntegerField(verbose_name='number')),
                ('kind', models.CharField(choices=[('service', 'service'), ('program', 'about the program'), ('marketing', 'marketing')], max_length=9, verbose_name='kind of message')),
                ('ground', models.CharField(choices=[('consent', 'consent'), ('existing_customer', 'has bought, and did not refuse')], default='consent', max_length=17, verbose_name='relies on')),
                ('uses_profile', models.BooleanField(default=False, help_text='Only who agreed to offers based on a profile gets it.', verbose_name='decided by a profile')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), blank=True, default=list, help_text='By which caps may count it.', size=None, verbose_name='tags')),
                ('trigger', models.JSONField(default=dict, verbose_name='trigger')),
                ('exits', models.JSONField(blank=True, default=list, verbose_name='exits')),
                ('again_after_days', models.PositiveSmallIntegerField(blank=True, help_text='Local days since the last entry; empty for at once.', null=True, verbose_name='again after days')),
                ('at_most_one_active', models.BooleanField(default=True, help_text='Who is in it does not enter again before it is over.', verbose_name='one at a time')),
                ('late_up_to_days', models.PositiveSmallIntegerField(default=3, help_text='So late a missed night may still enter somebody.', validators=[django.core.validators.MinValueValidator(0), django.core.validators.MaxValueValidator(60)], verbose_name='late up to days')),
                ('on_cap', models.CharField(choices=[('wait', 'waits until there is room'), ('skip', 'is not sent')], default='wait', max_length=4, verbose_name='over a cap, a message')),
                ('published_at', models.DateTimeField(editable=False, null=True, verbose_name='published')),
                ('published_by', models.CharField(blank=True, editable=False, max_length=150, verbose_name='published by')),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='versions', to='campaigns.campaign', verbose_name='campaign')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'version of a campaign',
                'verbose_name_plural': 'versions of campaigns',
                'constraints': [
                    models.UniqueConstraint(fields=('campaign', 'number'), name='campaign_version_once_per_number'),
                    models.UniqueConstraint(condition=models.Q(('published_at__isnull', True)), fields=('campaign',), name='campaign_has_one_draft'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Entry',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('occurrence', models.CharField(help_text='The fact, such as birthday:2026 or cart:C1.', max_length=150, verbose_name='because of')),
                ('about_date', models.DateField(help_text='That it is all about, such as a birthday or an expiry.', null=True, verbose_name='about the day')),
                ('variant', models.SlugField(db_index=False, blank=True, help_text="Of the campaign's experiment, where it has one that runs.", verbose_name='variant')),
                ('is_held_out', models.BooleanField(default=False, verbose_name='held out')),
                ('entered_at', models.DateTimeField(verbose_name='entered')),
                ('exposure_at', models.DateTimeField(help_text='The planned instant of the first message, for those who are held out as well.', verbose_name='exposed')),
                ('step', models.PositiveSmallIntegerField(default=0, verbose_name='next step')),
                ('next_at', models.DateTimeField(null=True, verbose_name='next step at')),
                ('ended_at', models.DateTimeField(null=True, verbose_name='ended')),
                ('reason', models.CharField(blank=True, help_text='Such as completed, held_out, or the fact: order.', max_length=40, verbose_name='why it ended')),
                ('reached_goal_at', models.DateTimeField(null=True, verbose_name='reached the goal')),
                ('campaign', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='campaigns.campaign', verbose_name='campaign')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='campaign_entries', to='customers.customer', verbose_name='customer')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='entries', to='campaigns.campaignversion', verbose_name='version')),
            ],
            options={
                'verbose_name': 'entry',
                'verbose_name_plural': 'entries',
                'indexes': [
                    models.Index(condition=models.Q(('next_at__isnull', False)), fields=['retailer', 'next_at'], name='entry_to_advance'),
                    models.Index(condition=models.Q(('ended_at__isnull', True)), fields=['customer'], name='entry_active'),
                    models.Index(fields=['customer', 'campaign', 'entered_at'], name='entry_by_customer'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('campaign', 'customer', 'occurrence'), name='entry_once_per_occurrence'),
                    models.CheckConstraint(condition=models.Q(models.Q(('ended_at__isnull', True), ('reason', '')), models.Q(('ended_at__isnull', False), ('next_at__isnull', True), models.Q(('reason', ''), _negated=True)), _connector='OR'), name='ended_entry_has_a_reason'),
                    models.CheckConstraint(condition=models.Q(('is_held_out', False), ('ended_at__isnull', False), _connector='OR'), name='held_out_entry_takes_no_step'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Invitation',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('step', models.PositiveBigIntegerField(verbose_name='step')),
                ('asked_at', models.DateTimeField(verbose_name='asked')),
                ('expires_at', models.DateTimeField(verbose_name='answers until')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='survey_invitations', to='customers.customer', verbose_name='customer')),
                ('entry', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='campaigns.entry', verbose_name='entry')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('survey', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='invitations', to='campaigns.survey', verbose_name='survey')),
            ],
            options={
                'verbose_name': 'invitation',
                'verbose_name_plural': 'invitations',
                'indexes': [
                    models.Index(fields=['customer', 'asked_at'], name='invitation_by_customer'),
                    models.Index(fields=['survey', 'asked_at'], name='invitation_by_survey'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('entry', 'step'), name='invitation_once_per_step'),
                    models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('asked_at'))), name='invitation_can_be_answered'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Answer',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('number', models.PositiveSmallIntegerField(db_default=1, default=1, help_text='Of its invitation: the highest one counts.', verbose_name='answer number')),
                ('score', models.PositiveSmallIntegerField(verbose_name='score')),
                ('comment', models.TextField(blank=True, max_length=2000, verbose_name='comment')),
                ('by', models.CharField(choices=[('link', 'the link'), ('api', 'the API')], max_length=4, verbose_name='by')),
                ('answered_at', models.DateTimeField(verbose_name='answered')),
                ('interaction', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.interaction', verbose_name='interaction')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('invitation', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='answers', to='campaigns.invitation', verbose_name='invitation')),
            ],
            options={
                'verbose_name': 'answer to a survey',
                'verbose_name_plural': 'answers to surveys',
                'indexes': [
                    models.Index(fields=['retailer', 'answered_at'], name='answer_by_time'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(('score__lte', 10)), name='answer_is_on_a_scale'),
                    models.UniqueConstraint(fields=('invitation', 'number'), name='answer_once_per_number'),
                ],
            },
        ),
        migrations.CreateModel(
            name='FollowUp',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('state', models.CharField(choices=[('open', 'open'), ('taken', 'taken on'), ('closed', 'closed')], default='open', max_length=6, verbose_name='state')),
                ('opened_at', models.DateTimeField(verbose_name='opened')),
                ('due_at', models.DateTimeField(help_text='A day after the answer.', verbose_name='due')),
                ('taken_by', models.CharField(blank=True, max_length=150, verbose_name='taken by')),
                ('taken_at', models.DateTimeField(null=True, verbose_name='taken at')),
                ('closed_by', models.CharField(blank=True, max_length=150, verbose_name='closed by')),
                ('closed_at', models.DateTimeField(null=True, verbose_name='closed at')),
                ('note', models.TextField(blank=True, max_length=2000, verbose_name='what was done')),
                ('answer', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='follow_up', to='campaigns.answer', verbose_name='answer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'follow-up',
                'verbose_name_plural': 'follow-ups',
                'indexes': [
                    models.Index(condition=models.Q(('state', 'closed'), _negated=True), fields=['retailer', 'due_at'], name='follow_up_to_do'),
                ],
                'constraints': [
                    models.CheckConstraint(condition=models.Q(models.Q(('closed_at', None), ('closed_by', ''), ('state', 'open'), ('taken_at', None), ('taken_by', '')), models.Q(('closed_at', None), ('closed_by', ''), ('state', 'taken'), ('taken_at__isnull', False), models.Q(('taken_by', ''), _negated=True)), models.Q(('closed_at__isnull', False), ('state', 'closed'), models.Q(('closed_by', ''), _negated=True)), _connector='OR'), name='follow_up_says_who_has_it'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('occurrence', models.CharField(max_length=150, verbose_name='because of')),
                ('step', models.PositiveSmallIntegerField(null=True, verbose_name='step')),
                ('what', models.CharField(choices=[('entered', 'entered'), ('not_entered', 'not entered'), ('waited', 'waited'), ('planned', 'planned'), ('granted', 'got the offer'), ('not_granted', 'did not get the offer'), ('sent', 'sent'), ('deferred', 'deferred'), ('dropped', 'not sent'), ('failed', 'refused'), ('unknown', 'nobody knows'), ('exited', 'left'), ('completed', 'completed'), ('goal', 'reached the goal'), ('moved', 'moved to another version'), ('carried', 'goes on after a merge')], max_length=11, verbose_name='what')),
                ('reason', models.CharField(blank=True, help_text='Such as no_consent, capped, active, again_after.', max_length=40, verbose_name='reason')),
                ('rule', models.CharField(blank=True, max_length=100, verbose_name='rule')),
                ('channel', models.CharField(blank=True, max_length=8, verbose_name='channel')),
                ('at', models.DateTimeField(verbose_name='when')),
                ('campaign', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='outcomes', to='campaigns.campaign', verbose_name='campaign')),
                ('customer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.customer', verbose_name='customer')),
                ('entry', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='outcomes', to='campaigns.entry', verbose_name='entry')),
                ('retailer', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'outcome',
                'verbose_name_plural': 'outcomes',
                'indexes': [
                    models.Index(fields=['customer', 'campaign', 'at'], name='outcome_by_customer'),
                    models.Index(fields=['campaign', 'what', 'reason'], name='outcome_by_campaign'),
                ],
                'constraints': [
                    models.UniqueConstraint(condition=models.Q(('what', 'not_entered')), fields=('campaign', 'customer', 'occurrence', 'reason'), name='not_entered_once_per_reason'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Step',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('position', models.PositiveSmallIntegerField(verbose_name='position')),
                ('kind', models.CharField(choices=[('wait', 'wait'), ('message', 'message'), ('offer', 'offer')], max_length=7, verbose_name='kind')),
                ('wait', models.CharField(blank=True, help_text='PT4H for four hours, P3D@09:00 for three days and then at nine, -P3D@09:00 for three days before the day.', max_length=32, validators=[loyalty.campaigns.models.step.validate_wait], verbose_name='for how long')),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook'), ('inbox', 'inbox')], max_length=8), blank=True, default=list, help_text="The first rather than the next; the member's preferred one before all of them.", size=None, verbose_name='channels')),
                ('to_all_channels', models.BooleanField(default=False, help_text='One message by each channel instead of one by the best.', verbose_name='by all of them')),
                ('is_urgent', models.BooleanField(default=False, help_text='Service alone may go in quiet hours.', verbose_name='urgent')),
                ('expires_after', models.CharField(blank=True, default='P3D', help_text='Later it is not sent, such as PT48H; empty until the day that it is all about is over.', max_length=32, validators=[loyalty.campaigns.models.step.validate_wait], verbose_name='worth saying for')),
                ('ends_without', models.BooleanField(default=True, help_text='Who does not get the offer gets no later step either.', verbose_name='ends without it')),
                ('variant', models.SlugField(blank=True, help_text="Of the campaign's experiment; empty for all but the control.", verbose_name='only for the variant')),
                ('offer', models.ForeignKey(blank=True, help_text='Which is given; of a slot, the one of it that goes first. Later texts may name it.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='campaigns.offer', verbose_name='offer')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('version', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='campaigns.campaignversion', verbose_name='version')),
                ('survey', models.ForeignKey(blank=True, help_text='Its texts lead to {{ survey }}; who was asked lately gets no message.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='campaigns.survey', verbose_name='asks the survey')),
            ],
            options={
                'verbose_name': 'step',
                'verbose_name_plural': 'steps',
                'constraints': [
                    models.UniqueConstraint(fields=('version', 'position'), name='step_once_per_position'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'wait'), models.Q(('wait', ''), _negated=True)), models.Q(('kind', 'offer'), ('wait', '')), models.Q(('kind', 'message'), ('wait', ''), ('channels__len__gte', 1)), _connector='OR'), name='step_waits_or_says_something', violation_error_message='A step waits for something, or sends a message by a channel.'),
                    models.CheckConstraint(condition=models.Q(('survey__isnull', True), ('kind', 'message'), _connector='OR'), name='step_asks_by_a_message', violation_error_message='Only a message asks a survey.'),
                    models.CheckConstraint(condition=models.Q(models.Q(('kind', 'offer'), ('offer__isnull', False)), models.Q(models.Q(('kind', 'offer'), _negated=True), ('offer__isnull', True)), _connector='OR'), name='offering_step_names_its_offer', violation_error_message='A step that gives an offer names it; no other does.'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Message',
            fields=[
                ('id', models.UUIDField(default=customers.core.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('cause', models.CharField(max_length=200, verbose_name='cause')),
                ('kind', models.CharField(choices=[('service', 'service'), ('program', 'about the program'), ('marketing', 'marketing')], max_length=9, verbose_name='kind')),
                ('ground', models.CharField(choices=[('consent', 'consent'), ('existing_customer', 'has bought, and did not refuse')], default='consent', max_length=17, verbose_name='relies on')),
                ('needs_profiling', models.BooleanField(default=False, verbose_name='decided by a profile')),
                ('is_urgent', models.BooleanField(default=False, verbose_name='urgent')),
                ('on_cap', models.CharField(default='wait', max_length=4, verbose_name='over a cap')),
                ('priority', models.PositiveSmallIntegerField(default=0, verbose_name='priority')),
                ('tags', django.contrib.postgres.fields.ArrayField(base_field=models.SlugField(), default=list, size=None, verbose_name='tags')),
                ('channels', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook'), ('inbox', 'inbox')], max_length=8), size=None, verbose_name='may go by')),
                ('values', models.JSONField(default=dict, help_text='Of the fact that it is about, which its text may name.', verbose_name='values')),
                ('planned_at', models.DateTimeField(help_text='Before quiet hours and caps had it wait.', verbose_name='planned for')),
                ('due_at', models.DateTimeField(verbose_name='due')),
                ('expires_at', models.DateTimeField(verbose_name='worth saying until')),
                ('state', models.CharField(choices=[('due', 'due'), ('held', 'held'), ('claimed', 'on its way'), ('accepted', 'accepted'), ('delivered', 'delivered'), ('bounced', 'bounced'), ('complained', 'complained'), ('failed', 'refused'), ('dropped', 'not sent'), ('unknown', 'nobody knows')], default='due', max_length=10, verbose_name='state')),
                ('reason', models.CharField(blank=True, max_length=40, verbose_name='reason')),
                ('rule', models.CharField(blank=True, max_length=100, verbose_name='rule')),
                ('channel', models.CharField(blank=True, choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook'), ('inbox', 'inbox')], max_length=8, verbose_name='channel')),
                ('address_hash', models.CharField(blank=True, max_length=64, verbose_name='address')),
                ('tries', models.PositiveSmallIntegerField(default=0, verbose_name='tries')),
                ('is_resent', models.BooleanField(default=False, help_text='Nobody knew whether it had arrived: it may have come twice.', verbose_name='sent again')),
                ('claimed_at', models.DateTimeField(null=True, verbose_name='sent')),
                ('claimed_until', models.DateTimeField(null=True, verbose_name='answer awaited until')),
                ('provider_id', models.CharField(blank=True, max_length=200, verbose_name="the provider's id")),
                ('settled_at', models.DateTimeField(null=True, verbose_name='answered')),
                ('language', models.CharField(blank=True, max_length=2, verbose_name='language')),
                ('rendered_hash', models.CharField(blank=True, max_length=64, verbose_name='digest of the text')),
                ('subject', models.CharField(blank=True, max_length=300, verbose_name='subject')),
                ('body', models.TextField(blank=True, verbose_name='text')),
                ('button', models.CharField(blank=True, max_length=100, verbose_name='button')),
                ('link', models.CharField(blank=True, max_length=1000, verbose_name='link')),
                ('read_at', models.DateTimeField(null=True, verbose_name='read')),
                ('campaign', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='campaigns.campaign', verbose_name='campaign')),
                ('customer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='customers.customer', verbose_name='customer')),
                ('entry', models.ForeignKey(null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='campaigns.entry', verbose_name='entry')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('step', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='messages', to='campaigns.step', verbose_name='step')),
            ],
            options={
                'verbose_name': 'message',
                'verbose_name_plural': 'messages',
                'indexes': [
                    models.Index(condition=models.Q(('state__in', ['due', 'held', 'claimed'])), fields=['customer', 'due_at'], name='message_open'),
                    models.Index(condition=models.Q(('channel', 'inbox'), ('state', 'delivered')), fields=['customer', 'claimed_at'], name='message_in_inbox'),
                    models.Index(fields=['campaign', 'state'], name='message_by_campaign'),
                    models.Index(fields=['customer', 'expires_at'], name='message_of_customer'),
                ],
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'cause'), name='message_once_per_cause'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['claimed', 'accepted', 'delivered', 'bounced', 'complained', 'unknown']), _negated=True), models.Q(('claimed_at__isnull', False), models.Q(('channel', ''), _negated=True)), _connector='OR'), name='accepted_message_has_a_claim'),
                    models.CheckConstraint(condition=models.Q(models.Q(('claimed_until__isnull', False), ('state', 'claimed')), models.Q(models.Q(('state', 'claimed'), _negated=True), ('claimed_until__isnull', True)), _connector='OR'), name='message_on_its_way_has_a_lease'),
                    models.CheckConstraint(condition=models.Q(models.Q(('state__in', ['dropped', 'failed']), _negated=True), models.Q(('reason', ''), _negated=True), _connector='OR'), name='message_not_sent_has_a_reason'),
                    models.CheckConstraint(condition=models.Q(('channels__len__gte', 1)), name='message_has_a_channel'),
                    models.CheckConstraint(condition=models.Q(('is_urgent', False), ('kind', 'service'), _connector='OR'), name='only_service_is_urgent'),
                    models.CheckConstraint(condition=models.Q(('read_at__isnull', True), ('channel', 'inbox'), _connector='OR'), name='message_read_in_the_inbox'),
                ],
            },
        ),
        migrations.CreateModel(
            name='Receipt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=50, verbose_name='provider')),
                ('event_id', models.CharField(max_length=200, verbose_name="the provider's id of it")),
                ('what', models.CharField(choices=[('delivered', 'delivered'), ('soft_bounce', 'refused for now'), ('hard_bounce', 'refused for good'), ('complaint', 'complaint')], max_length=11, verbose_name='what')),
                ('occurred_at', models.DateTimeField(verbose_name='when')),
                ('recorded_at', models.DateTimeField(verbose_name='recorded')),
                ('message', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='receipts', to='campaigns.message', verbose_name='message')),
                ('retailer', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
            ],
            options={
                'verbose_name': 'receipt',
                'verbose_name_plural': 'receipts',
                'constraints': [
                    models.UniqueConstraint(fields=('retailer', 'provider', 'event_id'), name='receipt_once_per_event'),
                ],
            },
        ),
        migrations.CreateModel(
            name='StepText',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('channel', models.CharField(choices=[('email', 'e-mail'), ('sms', 'SMS'), ('push', 'push'), ('webhook', 'webhook'), ('inbox', 'inbox')], max_length=8, verbose_name='channel')),
                ('language', models.CharField(choices=[('en', 'English'), ('fr', 'Français')], max_length=2, verbose_name='language')),
                ('subject', models.CharField(blank=True, max_length=200, verbose_name='subject')),
                ('body', models.TextField(max_length=20000, verbose_name='text')),
                ('button', models.CharField(blank=True, max_length=60, verbose_name='button')),
                ('link', models.CharField(blank=True, max_length=500, verbose_name='link')),
                ('retailer', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='customers.retailer', verbose_name='retailer')),
                ('step', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='texts', to='campaigns.step', verbose_name='step')),
            ],
            options={
                'verbose_name': 'text',
                'verbose_name_plural': 'texts',
                'constraints': [
                    models.UniqueConstraint(fields=('step', 'channel', 'language'), name='text_once_per_language'),
                    models.CheckConstraint(condition=models.Q(('body', ''), _negated=True), name='text_says_something'),
                    models.CheckConstraint(condition=models.Q(models.Q(('button', ''), ('link', '')), models.Q(models.Q(('button', ''), _negated=True), models.Q(('link', ''), _negated=True)), _connector='OR'), name='button_leads_somewhere', violation_error_message='A button has a text and a link.'),
                ],
            },
        ),
        ]),
        migrations.AddField(
            model_name='campaign',
            name='version',
            field=models.ForeignKey(editable=False, help_text='On which members enter now.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='campaigns.campaignversion', verbose_name='version'),
        ),
        migrations.AddConstraint(
            model_name='campaign',
            constraint=models.CheckConstraint(condition=models.Q(('state', 'draft'), ('version__isnull', False), _connector='OR'), name='live_campaign_has_a_version'),
        ),
        Together([
        pgtrigger.migrations.AddTrigger(
            model_name='campaignversion',
            trigger=pgtrigger.compiler.Trigger(name='published_campaigns_are_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF OLD.published_at IS NOT NULL THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change a published version in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='4d451ff90898c3039ddc9d932042486ae4fe997a', operation='UPDATE OR DELETE', pgid='pgtrigger_published_campaigns_are_frozen_c514b', table='campaigns_campaignversion', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='answer',
            trigger=pgtrigger.compiler.Trigger(name='answers_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='eb1803657470fb2881a7e0e5d2026787a4382f94', operation='UPDATE OR DELETE', pgid='pgtrigger_answers_are_append_only_ef35d', table='campaigns_answer', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='answer',
            trigger=pgtrigger.compiler.Trigger(name='answers_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='3597d13f8c8c65638be806c7e39dffac50e1ef89', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_answers_never_truncated_407f9', table='campaigns_answer', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offerrefusal',
            trigger=pgtrigger.compiler.Trigger(name='offer_refusals_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='3c8c33b5bef5ded0a91b77e414f9583aa2043641', operation='UPDATE OR DELETE', pgid='pgtrigger_offer_refusals_are_append_only_a1022', table='campaigns_offerrefusal', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='offerrefusal',
            trigger=pgtrigger.compiler.Trigger(name='offer_refusals_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='adb83c695791290504597117ba630ef71f9067ae', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_offer_refusals_never_truncated_f9b6d', table='campaigns_offerrefusal', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='outcome',
            trigger=pgtrigger.compiler.Trigger(name='outcomes_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='e04210c5140efe76cda515887601a670bdb38ec6', operation='UPDATE OR DELETE', pgid='pgtrigger_outcomes_are_append_only_6e52a', table='campaigns_outcome', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='outcome',
            trigger=pgtrigger.compiler.Trigger(name='outcomes_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='5a23c83e13e94be03a8c99d90b4e4ee0cecd7f21', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_outcomes_never_truncated_73295', table='campaigns_outcome', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='receipt',
            trigger=pgtrigger.compiler.Trigger(name='receipts_are_append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='c215c60074eec97997cbf4d1bb5252476b0b454b', operation='UPDATE OR DELETE', pgid='pgtrigger_receipts_are_append_only_b40ad', table='campaigns_receipt', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='receipt',
            trigger=pgtrigger.compiler.Trigger(name='receipts_never_truncated', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;", hash='6d74f1cb5185a36421f6a8125c0f1476f56c243a', level='STATEMENT', operation='TRUNCATE', pgid='pgtrigger_receipts_never_truncated_2b74f', table='campaigns_receipt', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='message',
            trigger=pgtrigger.compiler.Trigger(name='messages_end_once', sql=pgtrigger.compiler.UpsertTriggerSql(condition='WHEN (NEW."state" IN (\'due\', \'held\', \'claimed\', \'unknown\') AND OLD."state" IN (\'accepted\', \'delivered\', \'bounced\', \'complained\', \'failed\', \'dropped\'))', func="RAISE EXCEPTION 'pgtrigger: Cannot send again what has ended in % table', TG_TABLE_NAME;", hash='f490620022ff47d3a555172a8961b6e602175250', operation='UPDATE OF "state"', pgid='pgtrigger_messages_end_once_1f051', table='campaigns_message', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='steptext',
            trigger=pgtrigger.compiler.Trigger(name='published_texts_are_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (\n    SELECT 1 FROM campaigns_step s JOIN campaigns_campaignversion v ON v.id = s.version_id\n    WHERE v.published_at IS NOT NULL AND s.id IN (\n        CASE WHEN TG_OP <> 'INSERT' THEN OLD.step_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.step_id END)) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change what was published in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='7d1af8201c6abff2a035a86ae2e76e4152045aba', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_published_texts_are_frozen_fd4fc', table='campaigns_steptext', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='step',
            trigger=pgtrigger.compiler.Trigger(name='published_steps_are_frozen', sql=pgtrigger.compiler.UpsertTriggerSql(func="\nIF EXISTS (SELECT 1 FROM campaigns_campaignversion v WHERE v.published_at IS NOT NULL AND v.id IN (\n    CASE WHEN TG_OP <> 'INSERT' THEN OLD.version_id END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.version_id END)) THEN\n    RAISE EXCEPTION 'pgtrigger: Cannot change what was published in % table', TG_TABLE_NAME;\nEND IF;\nIF TG_OP = 'DELETE' THEN RETURN OLD; END IF;\nRETURN NEW;\n", hash='2378852f6747b04ff21c84764a405a8c5d20ee05', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_published_steps_are_frozen_2174a', table='campaigns_step', when='BEFORE')),
        ),
        ]),
        *(own_rows_only(f"campaigns_{table}") for table in TABLES),
        migrations.RunSQL(NOTE_ORDERS, NOT_ORDERS),
        migrations.RunSQL(NOTE_CARTS, NOT_CARTS),
        migrations.RunSQL(NOTE_CONSENTS, NOT_CONSENTS),
        migrations.RunSQL(NOTE_RETURNS, NOT_RETURNS),
        migrations.RunSQL(NOTE_CONTACTS, NOT_CONTACTS),
    ]
