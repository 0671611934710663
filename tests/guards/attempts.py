"""For each guard of the database, the raw SQL that tries to break it. A guard that is not in here fails the tests."""

import json

from tests.guards.attempts_of_campaigns import attempts

DRAFT = "version_id IN (SELECT id FROM programs_programversion WHERE status = 'draft')"
Attempts = dict[str, str | tuple[str, ...]]
NOBODYS = "00000000-0000-7000-8000-000000000000"
LATER = "now() + interval '1 day'"


def copy(table: str, where: str = "true", **changes: object) -> str:
    """Return the SQL that inserts a row of a table again, under an id of its own, with some changes."""
    own = "jsonb_build_object('id', CASE WHEN jsonb_typeof(to_jsonb(r) -> 'id') = 'string'"
    own += " THEN to_jsonb(gen_random_uuid()) ELSE to_jsonb(floor(random() * 1e9)::int + 1000000) END)"
    changed = f"{own} || '{json.dumps(changes)}'::jsonb"
    return f"INSERT INTO {table} SELECT (jsonb_populate_record(r, {changed})).* FROM {table} r WHERE {where} LIMIT 1"


def movement(source: str, target: str, amount: int = 1) -> str:
    return (
        "INSERT INTO points_movement (retailer_id, entry_id, lot_id, from_state, to_state, amount)"
        f" SELECT retailer_id, entry_id, lot_id, '{source}', '{target}', {amount} FROM points_movement"
    )


def changed(table: str, change: str) -> tuple[str, ...]:
    return (f"UPDATE {table} SET {change}", f"DELETE FROM {table}")


def frozen(table: str, change: str) -> tuple[str, ...]:
    added = f"INSERT INTO {table} (version_id) SELECT id FROM programs_programversion WHERE status = 'published'"
    return (added, *changed(table, change))


MEMBER_TWICE = (
    "INSERT INTO memberships_membership SELECT (jsonb_populate_record(m, jsonb_build_object("
    "'id', gen_random_uuid(), 'customer_id', c.id))).* FROM memberships_membership m"
    " JOIN customers_customer c ON c.external_id = 'bob' AND c.retailer_id = m.retailer_id WHERE NOT EXISTS ("
    "SELECT 1 FROM memberships_membership b WHERE b.customer_id = c.id AND b.program_id = m.program_id) LIMIT 1"
)
SEGMENTS = (
    "INSERT INTO analytics_segmentsettings (top_percent, overdue_gaps, lost_gaps, retailer_id, few_occasions, first_year_days,"
    " new_days, lost_percent, returned_percent, returns, visits_per_purchase, gift_percent, lover_percent, lover_occasions,"
    " seasonal_percent, seasonal_days, promotion_percent) SELECT "
)
SEGMENTS_END = ", id, 2, 365, 90, 10, 30, 3, 5, 50, 60, 3, 70, 730, 60 FROM customers_retailer LIMIT 1"
FACTS: Attempts = {
    "users_gain_no_powers": (
        "SET LOCAL app.retailer = '1'; UPDATE auth_user SET is_superuser = true",
        "SET LOCAL app.retailer = ''; UPDATE auth_user SET is_staff = NOT is_staff",
        "SET LOCAL app.retailer = '1'; UPDATE auth_user SET email = 'mine@example.org'",
        "SET LOCAL app.retailer = '1'; " + copy("auth_user", username="another"),
        "SET LOCAL app.retailer = '1'; DELETE FROM auth_user",
    ),
    "memberships_are_of_one_retailer": (
        (
            "UPDATE memberships_membership SET customer_id = (SELECT c.id FROM customers_customer c"
            " WHERE c.retailer_id <> memberships_membership.retailer_id LIMIT 1)"
        ),
        (
            "UPDATE memberships_membership SET program_id = (SELECT p.id FROM programs_program p"
            " WHERE p.retailer_id <> memberships_membership.retailer_id LIMIT 1)"
        ),
        (
            "INSERT INTO memberships_membership SELECT (jsonb_populate_record(m, jsonb_build_object('id', gen_random_uuid(),"
            " 'number', 'x', 'customer_id', c.id))).* FROM memberships_membership m JOIN customers_customer c"
            " ON c.retailer_id <> m.retailer_id LIMIT 1"
        ),
    ),
    "currency_is_an_iso_code": "UPDATE customers_retailer SET currency = 'eu'",
    "margin_rate_is_a_share": "UPDATE customers_retailer SET margin_rate = 2",
    "accent_is_a_colour": (
        "INSERT INTO page_branding (retailer_id, accent, is_open, logo, greeting, greeting_fr, contact, privacy_notice)"
        " SELECT id, 'red', true, '', '', '', '', '' FROM customers_retailer"
    ),
    "customer_once_per_external_id": copy("customers_customer"),
    "customer_has_an_external_id": "UPDATE customers_customer SET external_id = '' WHERE external_id = 'bob'",
    "customer_never_merged_into_itself": "UPDATE customers_customer SET merged_into_id = id",
    "customer_merged_once": copy("customers_customermerge"),
    "customer_merges_are_append_only": changed("customers_customermerge", "reference = 'x'"),
    "customer_merges_never_truncated": "TRUNCATE customers_customermerge",
    "consents_are_append_only": changed("customers_consent", "granted = false"),
    "consents_never_truncated": "TRUNCATE customers_consent",
    "insight_probability_is_one": "UPDATE customers_insight SET probability_active = 1.5",
    "insight_decile_is_one": "UPDATE customers_insight SET value_decile = 11",
    "customer_segment_is_a_type": "UPDATE analytics_customersegment SET segment = 'gold'",
    "customer_segment_has_a_stage": "UPDATE analytics_customersegment SET life_stage = 'never_bought'",
    "customer_segment_scores_are_fifths": "UPDATE analytics_customersegment SET spend_score = 6",
    "customer_segment_once_per_run": copy("analytics_customersegment"),
    "segment_size_once_per_run": copy("analytics_segmentsize"),
    "segment_shares_are_percents": SEGMENTS + "0, 2, 4" + SEGMENTS_END,
    "segment_lost_after_overdue": SEGMENTS + "20, 4, 2" + SEGMENTS_END,
    "run_looks_ahead_ten_years": "UPDATE analytics_valuerun SET horizon_days = 0",
    "run_discounts_by_a_share": "UPDATE analytics_valuerun SET discount_rate = 2",
    "run_that_ran_has_a_cut": "UPDATE analytics_valuerun SET data_cut = NULL",
    "insight_chance_is_one": "UPDATE customers_insight SET probability_of_buying = -0.5",
    "insight_range_in_order": "UPDATE customers_insight SET value_low = 2, value_high = 1",
    "customer_erased_says_nothing": "UPDATE customers_customer SET email = 'x@example.org' WHERE erased_at IS NOT NULL",
    "customer_erased_once": copy("customers_erasure"),
    "erasures_are_append_only": changed("customers_erasure", "reason = 'x'"),
    "erasures_never_truncated": "TRUNCATE customers_erasure",
    "interaction_once_per_number": copy("customers_interaction"),
    "interaction_topic_is_of_a_contact": (
        "UPDATE customers_interaction SET kind = 'visit', topic = 'x'",
        "UPDATE customers_interaction SET kind = 'visit', outcome = 'open'",
        "UPDATE customers_interaction SET kind = 'visit', comment = 'x'",
    ),
    "interaction_outcome_is_known": "UPDATE customers_interaction SET kind = 'support', outcome = 'done'",
    "order_once_per_number": copy("customers_order"),
    "order_amount_never_negative": "UPDATE customers_order SET net_amount = -1",
    "order_shipping_never_negative": "UPDATE customers_order SET shipping_amount = -1",
    "order_paid_with_points_within_amount": "UPDATE customers_order SET paid_with_points = net_amount + 1",
    "order_amounts_within_bounds": (
        "UPDATE customers_order SET net_amount = 1e12",
        "UPDATE customers_order SET shipping_amount = 1e12",
    ),
    "order_revision_once_per_version": copy("customers_orderrevision"),
    "order_revisions_are_append_only": changed("customers_orderrevision", "content = '{}'"),
    "order_revisions_never_truncated": "TRUNCATE customers_orderrevision",
    "order_claimed_once": copy("customers_orderclaim"),
    "order_claims_are_append_only": changed("customers_orderclaim", "reference = 'x'"),
    "order_claims_never_truncated": "TRUNCATE customers_orderclaim",
    "order_line_once_per_position": copy("customers_orderline"),
    "order_line_quantity_positive": "UPDATE customers_orderline SET quantity = 0",
    "order_line_amount_never_negative": "UPDATE customers_orderline SET net_amount = -1",
    "order_line_discount_never_negative": "UPDATE customers_orderline SET discount = -1",
    "order_line_amounts_within_bounds": (
        "UPDATE customers_orderline SET net_amount = 1e12",
        "UPDATE customers_orderline SET discount = 1e12",
    ),
    "return_once_per_number": copy("customers_return"),
    "return_amount_never_negative": "UPDATE customers_return SET net_amount = -1",
    "return_line_once_per_line": copy("customers_returnline"),
    "return_line_quantity_positive": "UPDATE customers_returnline SET quantity = 0",
    "order_event_once_per_kind": copy("customers_orderevent"),
    "undecided_fact_once": copy("customers_undecidedfact"),
}
LEDGER: Attempts = {
    "wallet_once_per_code": copy("points_wallet"),
    "wallet_available_never_negative": "UPDATE points_wallet SET available = -1",
    "wallet_pending_never_negative": "UPDATE points_wallet SET pending = -1",
    "wallet_held_never_negative": "UPDATE points_wallet SET held = -1",
    "wallet_owed_never_negative": "UPDATE points_wallet SET owed = -1",
    "wallet_shortfall_never_negative": "UPDATE points_wallet SET shortfall = -1",
    "lot_claimed_never_negative": "UPDATE points_lot SET claimed = -1",
    "entry_once_per_cause": copy("points_entry"),
    "entries_are_append_only": changed("points_entry", "available_change = 0"),
    "entries_never_truncated": "TRUNCATE points_entry CASCADE",
    "lot_amount_positive": copy("points_lot", "true", amount=0, available=0),
    "lot_pending_never_negative": "UPDATE points_lot SET pending = -1",
    "lot_available_never_negative": "UPDATE points_lot SET available = -1",
    "lot_held_never_negative": "UPDATE points_lot SET held = -1",
    "lot_open_points_within_amount": "UPDATE points_lot SET available = amount + 1",
    "lot_expires_after_activation": copy("points_lot", expires_at="2020-01-01T00:00:00Z"),
    "lot_without_a_date_awaits_an_event": copy("points_lot", active_at=None, available=0, held=0),
    "lot_that_awaits_is_pending": copy("points_lot", active_at=None, activation_event="delivered"),
    "moved_lot_never_to_itself": (
        "INSERT INTO points_movedlot (lot_id, to_lot_id, retailer_id) SELECT id, id, retailer_id FROM points_lot LIMIT 1"
    ),
    "disproofs_are_append_only": changed("points_disproof", "cause = 'x'"),
    "disproofs_never_truncated": "TRUNCATE points_disproof",
    "lots_are_never_deleted": "DELETE FROM points_lot",
    "lots_keep_their_terms": (
        "UPDATE points_lot SET amount = amount + 1",
        "UPDATE points_lot SET origin_id = id WHERE origin_id IS NULL",
        "UPDATE points_lot SET origin_id = NULL WHERE origin_id IS NOT NULL",
    ),
    "lots_lead_to_their_origin": (
        copy("points_lot", "from_lot_id IS NOT NULL", origin_id=NOBODYS),
        copy("points_lot", "from_lot_id IS NULL", origin_id=NOBODYS),
        copy("points_lot", "from_lot_id IS NOT NULL", from_lot_id=NOBODYS),
    ),
    "lots_get_their_dates_once": f"UPDATE points_lot SET expires_at = {LATER}",
    "lots_never_truncated": "TRUNCATE points_lot CASCADE",
    "movement_amount_positive": movement("available", "held", 0),
    "movement_goes_somewhere": movement("held", "held"),
    "movement_never_back_to_issued": movement("held", "issued"),
    "movement_between_known_states": movement("held", "lost"),
    "movements_are_append_only": changed("points_movement", "amount = 1"),
    "movements_never_truncated": "TRUNCATE points_movement",
    "hold_once_per_reference": copy("points_hold"),
    "spending_reference_once_per_member": copy("points_spendingreference"),
    "hold_points_positive": "UPDATE points_hold SET points = 0",
    "hold_redeems_what_it_holds": "UPDATE points_hold SET redeemed = points + 1",
    "hold_ends_once": "UPDATE points_hold SET ended_at = now()",
    "budget_share_once": copy("points_budgetshare"),
    "budget_never_exceeded": "UPDATE points_budgetshare SET used = granted + 1",
    "month_closed_once": copy("points_closedmonth"),
    "books_closed_once": copy("points_closedbooks"),
    "closed_books_are_append_only": changed("points_closedbooks", "part = 'x'"),
    "closed_books_never_truncated": "TRUNCATE points_closedbooks",
    "closed_months_are_append_only": changed("points_closedmonth", "deferred = 0"),
    "closed_months_never_truncated": "TRUNCATE points_closedmonth",
    "allocated_prices_are_append_only": changed("points_allocatedprice", "price = 0"),
    "allocated_prices_never_truncated": "TRUNCATE points_allocatedprice",
    "order_decided_once_per_wallet": copy("activity_orderdecision"),
    "order_first_once_per_member": copy("activity_orderdecision", "is_first AND is_kept", order_id=NOBODYS),
    "return_decided_once_per_program": copy("activity_returndecision"),
    "interaction_decided_once_per_program": copy("activity_interactiondecision"),
    "interaction_held_once": copy("activity_interactionhold"),
    "interaction_hold_is_decided_at_an_instant": (
        "UPDATE activity_interactionhold SET decided_at = now()",
        "UPDATE activity_interactionhold SET is_approved = true",
    ),
    "night_once_per_day": copy("activity_nightrun"),
    "qualifying_day_once_per_day": copy("points_qualifyingday"),
    "standing_gifts_missing_never_negative": "UPDATE tiers_standing SET gifts_missing = -1",
    "tier_change_once_per_cause": copy("tiers_tierchange"),
    "tier_changes_are_append_only": changed("tiers_tierchange", "cause = 'x'"),
    "tier_changes_never_truncated": "TRUNCATE tiers_tierchange",
}
PROGRAMS: Attempts = {
    "program_once_per_slug": copy("programs_program"),
    "version_once_per_number": copy("programs_programversion", "status = 'draft'"),
    "version_once_per_instant": copy("programs_programversion", "status = 'published'", number=99),
    "version_published_has_an_instant": copy(
        "programs_programversion", "status = 'draft'", number=99, status="published"
    ),
    "published_versions_are_frozen": (  # a draft that stands first would be refused for having no instant
        "UPDATE programs_programversion SET effective_from = now() WHERE status = 'published'",
        "DELETE FROM programs_programversion WHERE status = 'published'",
    ),
    "version_events_are_append_only": changed("programs_versionevent", "author = 'x'"),
    "version_events_never_truncated": "TRUNCATE programs_versionevent",
    "membership_once_per_customer": copy("memberships_membership", number="X1"),
    "membership_once_per_number": MEMBER_TWICE,
    "membership_period_once": copy("memberships_membershipperiod"),
    "membership_period_ends_after_it_began": (
        "UPDATE memberships_membershipperiod SET left_at = enrolled_at - interval '1 day'"
    ),
    "household_stay_ends_after_it_began": "UPDATE memberships_householdstay SET left_at = joined_at - interval '1 day'",
    "membership_ends_after_it_began": "UPDATE memberships_membership SET left_at = enrolled_at - interval '1 day'",
    "points_policy_once_per_wallet": copy("points_pointspolicy", DRAFT),
    "points_policy_share_is_a_share": f"UPDATE points_pointspolicy SET redeemed_share = 1.5 WHERE {DRAFT}",
    "points_policy_fixed_dates_are_named": f"UPDATE points_pointspolicy SET expiry = 'fixed_dates' WHERE {DRAFT}",
    "points_policies_frozen_with_version": frozen("points_pointspolicy", "pending_days = 1"),
    "earning_group_once_per_code": copy("points_earninggroup", DRAFT),
    "earning_groups_frozen_with_version": frozen("points_earninggroup", "name = 'x'"),
    "earning_rule_once_per_code": copy("points_earningrule", DRAFT),
    "earning_rule_gives_something": f"UPDATE points_earningrule SET points = 0 WHERE {DRAFT}",
    "earning_rule_minimum_never_negative": f"UPDATE points_earningrule SET minimum_amount = -1 WHERE {DRAFT}",
    "earning_rule_limits_interactions": f"UPDATE points_earningrule SET day_limit = 3 WHERE {DRAFT}",
    "earning_rule_names_its_interaction": f"UPDATE points_earningrule SET interaction = '' WHERE {DRAFT}",
    "earning_rules_frozen_with_version": frozen("points_earningrule", "points = 99"),
    "tier_window_has_a_month": f"UPDATE tiers_tierpolicy SET window_months = 0 WHERE {DRAFT}",
    "tier_grace_has_a_day": (
        f"UPDATE tiers_tierpolicy SET downgrade = 'grace', grace_days = 0, grace_to_month_end = false WHERE {DRAFT}"
    ),
    "tier_policies_frozen_with_version": frozen("tiers_tierpolicy", "window_months = 1"),
    "tier_once_per_code": copy("tiers_tier", DRAFT, rank=9),
    "tier_once_per_rank": copy("tiers_tier", DRAFT, code="x", key=NOBODYS),
    "tier_once_per_key": copy("tiers_tier", DRAFT, code="x", rank=9),
    "tier_threshold_never_negative": f"UPDATE tiers_tier SET threshold = -1 WHERE {DRAFT}",
    "tier_multiplier_never_negative": f"UPDATE tiers_tier SET multiplier = -1 WHERE {DRAFT}",
    "tier_discount_is_a_percentage": f"UPDATE tiers_tier SET reward_discount = 101 WHERE {DRAFT}",
    "tiers_frozen_with_version": frozen("tiers_tier", "threshold = 1"),
    "simulation_begins_first": "UPDATE planning_simulation SET since = until + 1",
    "simulation_done_has_a_result": "UPDATE planning_simulation SET status = 'done', result = NULL",
}
REWARDS: Attempts = {
    "rewards_frozen_with_version": frozen("rewards_reward", "points = 1"),
    "reward_prices_frozen_with_version": frozen("rewards_rewardprice", "points = 1"),
    "reward_once_per_code": copy("rewards_reward", DRAFT, place=99, key=NOBODYS),
    "reward_once_per_key": copy("rewards_reward", DRAFT, place=99, code="x"),
    "reward_once_per_place": copy("rewards_reward", DRAFT, code="x", key=NOBODYS),
    "reward_price_once_per_code": copy("rewards_rewardprice", DRAFT),
    "reward_amount_off_has_an_amount": f"UPDATE rewards_reward SET value = 0 WHERE {DRAFT}",
    "reward_percent_off_has_a_percentage": f"UPDATE rewards_reward SET kind = 'percent_off', percent = 101 WHERE {DRAFT}",
    "reward_of_any_points_has_a_rate": f"UPDATE rewards_reward SET kind = 'pay_with_points' WHERE {DRAFT}",
    "reward_donation_has_no_code": f"UPDATE rewards_reward SET kind = 'donation', points_per_unit = 1 WHERE {DRAFT}",
    "reward_for_the_till_has_codes": f"UPDATE rewards_reward SET codes = 'none' WHERE {DRAFT}",
    "reward_match_has_a_budget": f"UPDATE rewards_reward SET match_percent = 10 WHERE {DRAFT}",
    "reward_redeemed_once_per_reference": copy("rewards_rewardredemption"),
    "reward_redemption_ends_once": (
        "UPDATE rewards_rewardredemption SET ended_at = now() WHERE status = 'issued'",
        "UPDATE rewards_rewardredemption SET status = 'used' WHERE status = 'issued'",
        "UPDATE rewards_rewardredemption SET status = 'cancelled' WHERE status = 'issued'",
    ),
    "reward_counted_once": copy("rewards_rewardcounter"),
    "reward_taken_never_negative": "UPDATE rewards_rewardcounter SET taken = -1",
    "reward_matched_never_negative": "UPDATE rewards_rewardcounter SET matched = -1",
    "reward_code_of_one_redemption": copy("rewards_rewardcode", digest="\\x00"),
    "reward_code_once": copy("rewards_rewardcode", redemption_id=None),
    "voucher_hold_once_per_reference": copy("rewards_voucherhold", status="released", ended_at="2026-06-15T12:00:00Z"),
    "voucher_held_by_one_till": copy("rewards_voucherhold", reference="x"),
    "voucher_hold_ends_once": "UPDATE rewards_voucherhold SET status = 'released'",
    "reward_of_any_points_is_not_granted": (
        "UPDATE rewards_reward SET granted_only = true, kind = 'pay_with_points', points_per_unit = 1"
        f" WHERE points > 0 AND {DRAFT}"
    ),
    "granted_reward_has_a_reservation": (
        "UPDATE rewards_rewardredemption SET reserved = 1 WHERE budget_id IS NULL",
        "UPDATE rewards_rewardredemption SET reserved = NULL WHERE budget_id IS NOT NULL",
    ),
    "granted_reward_costs_what_was_reserved": "UPDATE rewards_rewardredemption SET spent = 99 WHERE budget_id IS NOT NULL",
    "grant_never_over_budget": (
        "UPDATE rewards_rewardbudget SET reserved = 31",
        "UPDATE rewards_rewardbudget SET spent = 31",
        'UPDATE rewards_rewardbudget SET "limit" = 1',
    ),
    "budget_gives_back_what_it_gave": "UPDATE rewards_rewardbudget SET reserved = -1",
    "budget_entry_once_per_cause": copy("rewards_rewardbudgetentry"),
    "reward_budget_entries_are_append_only": changed("rewards_rewardbudgetentry", "spent = 1"),
    "reward_budget_entries_never_truncated": "TRUNCATE rewards_rewardbudgetentry",
    "cause_entry_is_of_something": copy("rewards_causeentry", amount=0),
    "cause_entry_names_its_redemption": copy("rewards_causeentry", "kind = 'member'", redemption_id=None),
    "cause_paid_once_per_document": copy("rewards_causeentry", "kind = 'payout'"),
    "cause_entries_are_append_only": changed("rewards_causeentry", "amount = 1"),
    "cause_entries_never_truncated": "TRUNCATE rewards_causeentry",
}
AROUND: Attempts = {
    "staff_role_once_per_retailer": copy("access_staffrole"),
    "idempotency_key_once_per_credential": copy("api_idempotencyrecord"),
    "signin_limit_once_per_span": copy("signin_signinlimit"),
    "delivery_first_of_member_once": copy("outbox_delivery", "r.due_at IS NOT NULL"),
    "customer_value_once_per_run": copy("analytics_customervalue"),
    "acquisition_cost_once_per_month": copy("analytics_acquisitioncost", channel="SEARCH"),
    "acquisition_cost_never_negative": "UPDATE analytics_acquisitioncost SET amount = -1",
    "acquisition_cost_has_a_channel": "UPDATE analytics_acquisitioncost SET channel = ''",
    "media_cost_once_per_experiment": copy("analytics_mediacost", what="LEAFLET"),
    "media_cost_never_negative": "UPDATE analytics_mediacost SET amount = -1",
    "media_cost_is_for_something": "UPDATE analytics_mediacost SET what = ''",
    "acquisition_cost_of_a_whole_month": "UPDATE analytics_acquisitioncost SET month = month + 1",
    "statistics_have_a_day": "UPDATE analytics_customerstatistics SET purchase_days = 0",
    "statistics_end_after_they_begin": "UPDATE analytics_customerstatistics SET last_day = first_day - 1",
}
PLANS: Attempts = {
    "plan_once_per_code": copy("plans_paidplan", DRAFT, rank=9, key=NOBODYS),
    "plan_once_per_key": copy("plans_paidplan", DRAFT, rank=9, code="x"),
    "plan_once_per_rank": copy("plans_paidplan", DRAFT, code="x", key=NOBODYS),
    "plan_price_never_negative": f"UPDATE plans_paidplan SET price = -1 WHERE {DRAFT}",
    "plan_perks_cost_never_negative": f"UPDATE plans_paidplan SET perks_cost = -1 WHERE {DRAFT}",
    "plan_multiplier_never_negative": f"UPDATE plans_paidplan SET multiplier = -1 WHERE {DRAFT}",
    "plan_grace_ends_before_the_period": (
        f"UPDATE plans_paidplan SET grace_days = 0 WHERE {DRAFT}",
        f"UPDATE plans_paidplan SET grace_days = 28 WHERE {DRAFT}",
    ),
    "plans_frozen_with_version": frozen("plans_paidplan", "price = 1"),
    "subscription_open_once_per_member": copy("plans_subscription", "ended_at IS NULL"),
    "subscription_credit_never_negative": "UPDATE plans_subscription SET credit = -1",
    "subscription_period_has_a_day": "UPDATE plans_subscription SET end_day = first_day",
    "subscription_status_is_one": (
        "UPDATE plans_subscription SET status = 'ended' WHERE ended_at IS NULL",
        "UPDATE plans_subscription SET key = NULL WHERE key IS NOT NULL",
        "UPDATE plans_subscription SET ended_at = now() WHERE ended_at IS NULL",
    ),
    "plan_change_once_per_cause": copy("plans_planchange"),
    "plan_changes_are_append_only": changed("plans_planchange", "cause = 'x'"),
    "plan_changes_never_truncated": "TRUNCATE plans_planchange",
    "referral_policies_frozen_with_version": frozen("referrals_referralpolicy", "friend_points = 1"),
    "referral_minimum_never_negative": f"UPDATE referrals_referralpolicy SET minimum_amount = -1 WHERE {DRAFT}",
    "referral_budget_never_negative": f"UPDATE referrals_referralpolicy SET budget = -1 WHERE {DRAFT}",
    "referral_code_once_per_program": "UPDATE referrals_referralcode SET code = 'SAMECODE'",
    "referral_live_once_per_friend": copy("referrals_referral", "status = 'earned'"),
    "referral_of_oneself_is_none": "UPDATE referrals_referral SET advocate_id = friend_id WHERE status = 'open'",
    "referral_earned_has_an_order": "UPDATE referrals_referral SET order_id = NULL WHERE status = 'earned'",
    "referral_signal_once_per_member": copy("referrals_referralsignal"),
    "grant_once_per_cause": copy("points_grant", "decided_at IS NULL"),
    "grant_points_positive": "UPDATE points_grant SET points = 0 WHERE decided_at IS NULL",
    "grant_decided_says_what_it_gave": "UPDATE points_grant SET given = 1 WHERE decided_at IS NULL",
    "grants_are_decided_once": "UPDATE points_grant SET given = given + 1 WHERE decided_at IS NOT NULL",
    "grants_are_never_deleted": "DELETE FROM points_grant",
    "invoice_open_once_per_subscription": copy("plans_invoice", "status = 'open'"),
    "invoice_amount_never_negative": "UPDATE plans_invoice SET amount = -1, refunded = -1",
    "invoice_credit_never_negative": "UPDATE plans_invoice SET credit_used = -1",
    "invoice_refunds_what_was_paid": "UPDATE plans_invoice SET refunded = amount + 1",
    "invoice_paid_has_an_instant": "UPDATE plans_invoice SET paid_at = NULL WHERE status = 'paid'",
    "invoice_line_has_a_day": "UPDATE plans_invoiceline SET end_day = first_day",
    "refund_once_per_reference": copy("plans_refund", "reference <> ''"),
    "refund_amount_positive": "UPDATE plans_refund SET amount = 0",
    "payment_notice_once": copy("plans_paymentnotice"),
    "payment_notices_are_append_only": changed("plans_paymentnotice", "effect = 'x'"),
    "payment_notices_never_truncated": "TRUNCATE plans_paymentnotice",
}
BADGES: Attempts = {
    "challenge_once_per_code": copy("badges_challenge", DRAFT, key=NOBODYS),
    "challenge_once_per_key": copy("badges_challenge", DRAFT, code="x"),
    "challenge_of_fixed_days_names_one": f"UPDATE badges_challenge SET \"window\" = 'fixed' WHERE {DRAFT}",
    "challenge_begins_before_it_ends": (
        f"UPDATE badges_challenge SET first_day = '2026-06-02', last_day = '2026-06-01' WHERE {DRAFT}"
    ),
    "challenge_of_interactions_counts_them": (
        f"UPDATE badges_challenge SET metric = 'spend', interaction = 'review' WHERE {DRAFT}"
    ),
    "challenge_of_last_days_has_no_streak": (
        f"UPDATE badges_challenge SET \"window\" = 'rolling', metric = 'day_streak' WHERE {DRAFT}"
    ),
    "challenges_frozen_with_version": frozen("badges_challenge", "place = 9"),
    "board_once_per_code": copy("badges_board", DRAFT, key=NOBODYS),
    "board_once_per_key": copy("badges_board", DRAFT, code="x"),
    "board_of_fixed_days_names_one": f"UPDATE badges_board SET \"window\" = 'fixed' WHERE {DRAFT}",
    "board_begins_before_it_ends": (
        f"UPDATE badges_board SET first_day = '2026-06-02', last_day = '2026-06-01' WHERE {DRAFT}"
    ),
    "board_of_interactions_counts_them": (
        f"UPDATE badges_board SET metric = 'spend', interaction = 'review' WHERE {DRAFT}"
    ),
    "boards_frozen_with_version": frozen("badges_board", "place = 9"),
    "board_is_not_of_last_days": f"UPDATE badges_board SET \"window\" = 'rolling' WHERE {DRAFT}",
    "challenge_asks_for_something": f"UPDATE badges_challenge SET target = 0 WHERE {DRAFT}",
    "challenge_in_levels_has_one_goal": (
        "UPDATE badges_challenge SET repeats = true, levels = '[{\"target\": 1}]' WHERE " + DRAFT
    ),
    "badge_once_per_code": copy("badges_badge", DRAFT, key=NOBODYS),
    "badge_once_per_key": copy("badges_badge", DRAFT, code="x"),
    "badge_in_levels_has_levels": f"UPDATE badges_badge SET kind = 'levelled', levels = '[]' WHERE {DRAFT}",
    "badges_frozen_with_version": frozen("badges_badge", "place = 9"),
    "badge_given_by_staff_once": copy("badges_givenbadge", "r.taken_at IS NULL"),
    "badge_taken_away_says_when": "UPDATE badges_givenbadge SET taken_by = 'sue'",
    "past_window_once_per_member": copy("badges_pastwindow"),
    "award_once_per_window_and_number": copy("badges_challengeaward", "r.ended_at IS NULL"),
    "award_that_ended_says_why": "UPDATE badges_challengeaward SET ended_at = now() WHERE ended_at IS NULL",
    "participation_once_per_member": copy("badges_participation", pseudonym="Other"),
    "pseudonym_once_on_a_board": "UPDATE badges_participation SET pseudonym = 'ace'",
    "score_once_per_window": copy("badges_boardscore"),
    "surprise_once_per_code": copy("badges_surprise"),
    "surprise_budget_pays_a_gift": "UPDATE badges_surprise SET budget = points - 1",
    "surprise_drawn_has_an_instant": "UPDATE badges_surprise SET drawn_at = NULL WHERE status <> 'draft'",
    "lot_once_per_member": copy("badges_surpriseticket", place=999),
    "lot_once_per_place": ("UPDATE badges_surpriseticket SET place = 1"),
    "lot_given_was_drawn": "UPDATE badges_surpriseticket SET is_drawn = false WHERE given_at IS NOT NULL",
    "lot_missed_was_drawn_and_says_why": "UPDATE badges_surpriseticket SET missed_because = 'left' WHERE missed_at IS NULL",
    "contest_finished_once": copy("badges_contestfinish"),
    "contest_finishes_are_append_only": changed("badges_contestfinish", "members = 9"),
    "contest_finishes_never_truncated": "TRUNCATE badges_contestfinish CASCADE",
    "prize_once_per_member": copy("badges_contestprize"),
    "contest_prizes_are_append_only": changed("badges_contestprize", "points = 9"),
    "contest_prizes_never_truncated": "TRUNCATE badges_contestprize",
    "board_with_prizes_has_an_end": "UPDATE badges_board SET \"window\" = 'membership', prizes = '[1]' WHERE " + DRAFT,
}
FILES: Attempts = {"one_mapping_of_a_retailers_kind_of_file": copy("customers_importmapping")}
EXPERIMENT, PARTS = "experiments_experiment", "experiments_variant"
OF_A_DRAFT = "experiment_id IN (SELECT id FROM experiments_experiment WHERE state = 'draft')"
OF_A_STARTED = "experiment_id IN (SELECT id FROM experiments_experiment WHERE state = 'running')"
EXPERIMENTS: Attempts = {
    "experiment_once_per_code": copy(EXPERIMENT, salt="x"),
    "experiment_once_per_salt": copy(EXPERIMENT, code="x"),
    "experiment_has_a_salt": f"UPDATE {EXPERIMENT} SET salt = '' WHERE state = 'draft'",
    "experiment_has_a_program": f"UPDATE {EXPERIMENT} SET program_id = NULL WHERE state = 'draft'",
    "experiment_has_the_form_of_its_layer": f"UPDATE {EXPERIMENT} SET form = 'not_invited' WHERE state = 'draft'",
    "experiment_within_has_variants": (
        f"UPDATE {EXPERIMENT} SET layer = 'campaign', form = 'not_invited' WHERE within_id IS NOT NULL"
    ),
    "near_miss_names_its_tier": (
        f"UPDATE {EXPERIMENT} SET form = 'near_miss' WHERE state = 'draft' AND layer = 'variant'",
        f"UPDATE {EXPERIMENT} SET missing_percent = 5 WHERE state = 'draft' AND layer = 'variant'",
    ),
    "experiment_window_has_a_day": f"UPDATE {EXPERIMENT} SET window_days = 0 WHERE state = 'draft'",
    "experiment_plan_has_an_instant": f"UPDATE {EXPERIMENT} SET planned_at = now() WHERE state = 'draft'",
    "experiment_state_has_its_instants": f"UPDATE {EXPERIMENT} SET starts_at = now() WHERE state = 'draft'",
    "experiment_starts_with_a_plan": (
        f"UPDATE {EXPERIMENT} SET state = 'running', starts_at = now() WHERE state = 'draft'"
    ),
    "experiment_ends_after_it_starts": copy(
        EXPERIMENT, "r.state = 'running'", code="x", salt="y", ends_at="2000-01-01T00:00:00Z"
    ),
    "started_experiments_are_frozen": f"UPDATE {EXPERIMENT} SET metric = 'revenue' WHERE state = 'running'",
    "started_experiments_stay": f"DELETE FROM {EXPERIMENT} WHERE state = 'running'",
    "variant_once_per_code": copy(PARTS, OF_A_DRAFT, position=9),
    "variant_once_per_position": copy(PARTS, OF_A_DRAFT, code="x"),
    "variant_has_a_share": f"UPDATE {PARTS} SET share_bp = 0 WHERE {OF_A_DRAFT}",
    "variants_never_change_after_start": (
        f"UPDATE {PARTS} SET share_bp = 1 WHERE {OF_A_STARTED}",
        f"DELETE FROM {PARTS} WHERE {OF_A_STARTED}",
        copy(PARTS, OF_A_STARTED, code="x", position=9),
    ),
    "assignment_once_per_experiment": copy("experiments_assignment"),
    "assignment_in_a_bucket": copy("experiments_assignment", bucket=10_000),
    "assignments_are_append_only": changed("experiments_assignment", "exposed_at = now()"),
    "assignments_never_truncated": "TRUNCATE experiments_assignment",
    "experiment_events_are_append_only": changed("experiments_experimentevent", "author = 'ada'"),
    "experiment_events_never_truncated": "TRUNCATE experiments_experimentevent",
    "experiment_looks_are_append_only": changed("analytics_experimentlook", "looked_at = now()"),
    "experiment_looks_never_truncated": "TRUNCATE analytics_experimentlook",
    "roll_out_done_has_a_result": "UPDATE analytics_rolloutrun SET status = 'done', result = NULL",
    "roll_out_names_a_store": "UPDATE analytics_rolloutrun SET stores = '{}'",
    "roll_out_has_a_frozen_plan": "UPDATE analytics_rolloutrun SET plan_digest = ''",
    "uplift_done_has_a_result": (
        "UPDATE analytics_upliftrun SET status = 'done', plan_digest = 'x', data_cut = '2026-01-01'"
    ),
    "uplift_looks_only_by_a_frozen_plan": "UPDATE analytics_upliftrun SET status = 'running', plan_digest = ''",
}
TWICE = "FROM (SELECT min(id) AS id FROM customers_retailer) r, generate_series(1, 2)"
RECOMMENDED: Attempts = {
    "product_once_per_sku": (
        "INSERT INTO customers_product (retailer_id, sku, name, product_type, is_suggested, updated_at)"
        f" SELECT r.id, 'A', '', '', true, now() {TWICE}"
    ),
    "product_has_a_sku": (
        "INSERT INTO customers_product (retailer_id, sku, name, product_type, is_suggested, updated_at)"
        f" SELECT r.id, '', '', '', true, now() {TWICE}"
    ),
    "suggestion_once_per_rank": (
        "INSERT INTO customers_suggestion (retailer_id, customer_id, list, rank, sku, reason, run_id)"
        f" SELECT r.id, (SELECT id FROM customers_customer LIMIT 1), 'new', 1, 'A', 'popular', 1 {TWICE}"
    ),
    "popular_product_once_per_rank": (
        f"INSERT INTO customers_popularproduct (retailer_id, rank, sku, run_id) SELECT r.id, 1, 'A', 1 {TWICE}"
    ),
    "related_product_once_per_rank": (
        "INSERT INTO customers_relatedproduct (retailer_id, sku, relation, rank, related_sku, run_id)"
        f" SELECT r.id, 'A', 'together', 1, 'B', 1 {TWICE}"
    ),
    "recommended_only_with_a_verdict": (
        "INSERT INTO analytics_recommendationrun (retailer_id, status, author, history_days, customers, consenting, items,"
        " excluded, verdicts, coverage, code, details, step, asked_at)"
        f" SELECT r.id, 'done', '', 0, 0, 0, 0, '{{}}', '{{}}', '{{}}', '', '{{}}', '', now() {TWICE}"
    ),
}
KPIS: Attempts = {
    "one_goal_per_figure_and_period": (
        f"INSERT INTO analytics_kpigoal (retailer_id, kpi, per, target) SELECT r.id, 'revenue', 'month', 1 {TWICE}"
    ),
    "serving_costs_are_no_gain": (
        "INSERT INTO analytics_kpisettings (retailer_id, contact_cost) SELECT min(id), -1 FROM customers_retailer"
    ),
    "running_costs_are_no_gain": (
        "INSERT INTO analytics_upliftsettings (retailer_id, member_codes, is_nightly, monthly_cost)"
        " SELECT min(id), '{}', false, -1 FROM customers_retailer"
    ),
    "points_once_per_day": (
        "INSERT INTO analytics_pointsday (retailer_id, day, issued, redeemed, expired)"
        " SELECT min(id), DATE '2026-06-01', 1, 0, 0 FROM customers_retailer, generate_series(1, 2) n GROUP BY n"
    ),
    "one_weekly_report_per_address": (
        "INSERT INTO analytics_kpireader (retailer_id, email, language)"
        " SELECT min(id), word, 'fr' FROM customers_retailer, unnest(ARRAY['ada@x.org', 'Ada@X.org']) word GROUP BY word"
    ),
}
FUNNEL = "INSERT INTO analytics_funnel (retailer_id, name, code, steps, window_days)"
A_FUNNEL = f"{FUNNEL} SELECT min(id), '',"
OF_A_SHOP = "FROM customers_retailer"
FUNNELS: Attempts = {
    "funnel_once_per_code": f"{FUNNEL} SELECT r.id, '', 'mine', '{{visit,order}}', 7 {TWICE}",
    "funnel_is_none_of_the_shipped": f"{A_FUNNEL} 'visit-to-order', '{{visit,order}}', 7 {OF_A_SHOP}",
    "funnel_has_two_to_eight_steps": f"{A_FUNNEL} 'mine', '{{visit}}', 7 {OF_A_SHOP}",
    "funnel_has_known_steps": f"{A_FUNNEL} 'mine', '{{visit,flight}}', 7 {OF_A_SHOP}",
    "funnel_window_has_a_day": f"{A_FUNNEL} 'mine', '{{visit,order}}', 0 {OF_A_SHOP}",
}
ATTEMPTS: Attempts = (
    FACTS | LEDGER | PROGRAMS | REWARDS | AROUND | PLANS | BADGES | EXPERIMENTS | FILES | RECOMMENDED | KPIS
    | FUNNELS
    | attempts(copy, changed)
)  # fmt: skip
