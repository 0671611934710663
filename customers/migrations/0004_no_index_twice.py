"""
No column has an index of its own that another index of its table begins with, and none that nobody asks.

A database made from here on has none of them: the first migrations of the apps say so. One that was made before loses them.
"""

from typing import ClassVar

from django.db import migrations

COLUMNS = {
    "access_staffrole": ("user_id",),
    "activity_interactiondecision": ("interaction_id",),
    "activity_interactionhold": ("interaction_id",),
    "activity_nightrun": ("program_id",),
    "activity_orderdecision": ("membership_id", "order_id"),
    "activity_returndecision": ("order_return_id",),
    "analytics_auditrun": ("retailer_id",),
    "analytics_experimentlook": ("experiment_id",),
    "analytics_funnel": ("retailer_id",),
    "analytics_kpigoal": ("retailer_id",),
    "analytics_recommendationrun": ("retailer_id",),
    "analytics_rolloutrun": ("retailer_id",),
    "analytics_segmentrun": ("retailer_id",),
    "analytics_segmentsize": ("run_id",),
    "analytics_upliftrun": ("retailer_id",),
    "badges_badge": ("version_id",),
    "badges_board": ("version_id",),
    "badges_boardscore": ("membership_id", "program_id"),
    "badges_challenge": ("version_id",),
    "badges_challengeaward": ("membership_id", "program_id", "wallet"),
    "badges_contestfinish": ("program_id",),
    "badges_contestprize": ("finish_id",),
    "badges_participation": ("membership_id",),
    "badges_pastwindow": ("membership_id",),
    "badges_surprise": ("program_id",),
    "badges_surpriseticket": ("surprise_id",),
    "campaigns_address": ("retailer_id",),
    "campaigns_campaign": ("retailer_id",),
    "campaigns_campaignversion": ("campaign_id",),
    "campaigns_discountcap": ("program_id",),
    "campaigns_entry": ("variant",),
    "campaigns_frequencycap": ("retailer_id",),
    "campaigns_invitation": ("entry_id",),
    "campaigns_messagechannel": ("retailer_id",),
    "campaigns_offer": ("retailer_id",),
    "campaigns_offergrant": ("instead_of",),
    "campaigns_step": ("version_id",),
    "campaigns_steptext": ("step_id",),
    "campaigns_survey": ("retailer_id",),
    "customers_consent": ("customer_id",),
    "customers_customer": ("retailer_id",),
    "customers_customermerge": ("source_id",),
    "customers_erasure": ("customer_id",),
    "customers_importmapping": ("retailer_id",),
    "customers_interaction": ("customer_id", "retailer_id"),
    "customers_order": ("customer_id", "retailer_id"),
    "customers_orderclaim": ("order_id",),
    "customers_orderevent": ("kind", "retailer_id"),
    "customers_orderline": ("order_id",),
    "customers_orderrevision": ("order_id",),
    "customers_popularproduct": ("retailer_id",),
    "customers_product": ("retailer_id",),
    "customers_return": ("retailer_id",),
    "customers_returnline": ("order_return_id",),
    "customers_undecidedfact": ("retailer_id",),
    "experiments_experiment": ("retailer_id",),
    "experiments_variant": ("experiment_id",),
    "memberships_membership": ("program_id", "retailer_id"),
    "memberships_membershipperiod": ("membership_id",),
    "plans_paidplan": ("version_id",),
    "plans_paymentnotice": ("retailer_id",),
    "plans_planchange": ("membership_id",),
    "plans_subscription": ("membership_id", "program_id"),
    "points_budgetshare": ("program_id", "wallet"),
    "points_closedbooks": ("part",),
    "points_closedmonth": ("wallet",),
    "points_earninggroup": ("version_id",),
    "points_earningrule": ("version_id",),
    "points_entry": ("wallet_id",),
    "points_grant": ("membership_id", "source", "wallet"),
    "points_hold": ("wallet_id",),
    "points_lot": ("activation_event", "gift", "order_id"),
    "points_pointspolicy": ("version_id",),
    "points_qualifyingday": ("wallet_id",),
    "points_wallet": ("code", "membership_id"),
    "programs_program": ("retailer_id",),
    "programs_programversion": ("program_id",),
    "programs_versionevent": ("program_id",),
    "referrals_referral": ("advocate_id", "program_id"),
    "referrals_referralsignal": ("membership_id",),
    "rewards_causeentry": ("program_id",),
    "rewards_reward": ("version_id",),
    "rewards_rewardbudgetentry": ("budget_id",),
    "rewards_rewardcounter": ("program_id",),
    "rewards_rewardprice": ("version_id",),
    "rewards_rewardredemption": ("membership_id", "program_id", "wallet"),
    "rewards_voucherhold": ("redemption_id",),
    "tiers_standing": ("program_id",),
    "tiers_tier": ("version_id",),
    "tiers_tierchange": ("membership_id",),
}
PAIRS = ", ".join(f"('{table}', '{column}')" for table, columns in COLUMNS.items() for column in columns)
# Those that Django named: after their table and column.
DROP = f"""
DO $$
DECLARE found record;
BEGIN
    FOR found IN
        SELECT i.oid::regclass AS name FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
        JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = x.indkey[0]
        JOIN (VALUES {PAIRS}) AS c(in_table, in_column) ON c.in_table = t.relname AND c.in_column = a.attname
        WHERE x.indnatts = 1 AND NOT x.indisunique AND x.indpred IS NULL AND t.relnamespace = current_schema()::regnamespace
            AND starts_with(i.relname, t.relname || '_' || a.attname || '_')
    LOOP
        EXECUTE 'DROP INDEX ' || found.name;
    END LOOP;
END $$
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("customers", "0003_analysed_by_their_owner")]
    operations: ClassVar = [migrations.RunSQL(DROP, migrations.RunSQL.noop)]
