"""The raw SQL that tries to break each guard of campaigns and messages."""

OF_A_PUBLISHED = "version_id IN (SELECT id FROM campaigns_campaignversion WHERE published_at IS NOT NULL)"
OF_A_DRAFT = "version_id IN (SELECT id FROM campaigns_campaignversion WHERE published_at IS NULL)"
PUBLISHED_STEP = f"step_id IN (SELECT id FROM campaigns_step WHERE {OF_A_PUBLISHED})"
DRAFT_STEP = f"step_id IN (SELECT id FROM campaigns_step WHERE {OF_A_DRAFT})"
MESSAGE, STEP, TEXT = "campaigns_message", "campaigns_step", "campaigns_steptext"
CHANNEL, CAP, CAMPAIGN = "campaigns_messagechannel", "campaigns_frequencycap", "campaigns_campaign"
VERSION, ENTRY, OUTCOME = "campaigns_campaignversion", "campaigns_entry", "campaigns_outcome"
SURVEY, INVITATION = "campaigns_survey", "campaigns_invitation"
DEVICE = "campaigns_pushdevice"
ANSWER, FOLLOW_UP = "campaigns_answer", "campaigns_followup"
DISCOUNT_CAP = "campaigns_discountcap"
OFFER, GRANT, REFUSED = "campaigns_offer", "campaigns_offergrant", "campaigns_offerrefusal"
Attempt = str | tuple[str, ...]


def attempts(copy: object, changed: object) -> dict[str, Attempt]:
    """Return them. :param copy: as in `tests.guards.attempts`, as `changed`"""
    assert callable(copy)
    assert callable(changed)
    return {
        "recipient_quiet_hours_have_both_ends": "UPDATE campaigns_recipient SET quiet_from = '21:00', quiet_to = NULL",
        "address_once_per_channel": copy("campaigns_address"),
        "device_once_per_retailer": copy(DEVICE),
        "device_is_a_browser_or_an_app": (
            f"UPDATE {DEVICE} SET kind = 'web', address = 'https://push.example/1'",
            f"UPDATE {DEVICE} SET address = ''",
            f"UPDATE {DEVICE} SET auth = 'x'",
            f"UPDATE {DEVICE} SET kind = 'fax'",
        ),
        "suppressed_address_has_a_reason": "UPDATE campaigns_address SET reason = ''",
        "channel_once_per_retailer": copy(CHANNEL),
        "inbox_has_no_provider": f"UPDATE {CHANNEL} SET channel = 'inbox'",
        "channel_quiet_hours_have_both_ends": f"UPDATE {CHANNEL} SET quiet_from = '21:00', quiet_to = NULL",
        "channel_reaches_its_provider": (
            f"UPDATE {CHANNEL} SET url = ''",
            f"UPDATE {CHANNEL} SET secret = ''",
            f"UPDATE {CHANNEL} SET provider = 'mail' WHERE channel = 'sms'",
            f"UPDATE {CHANNEL} SET provider = 'web_push' WHERE channel = 'sms'",
        ),
        "mail_server_takes_no_keys": f"UPDATE {CHANNEL} SET provider = 'mail', takes_keys = true WHERE channel = 'email'",
        "channel_speed_positive": f"UPDATE {CHANNEL} SET per_second = 0",
        "cap_once_per_window": copy(CAP),
        "cap_lets_one_pass": f'UPDATE {CAP} SET "limit" = 0',
        "cap_has_days": (f"UPDATE {CAP} SET days = 0", f"UPDATE {CAP} SET days = 31"),
        "campaign_once_per_code": copy(CAMPAIGN),
        "live_campaign_has_a_version": f"UPDATE {CAMPAIGN} SET version_id = NULL WHERE state = 'live'",
        "ended_campaign_has_an_instant": f"UPDATE {CAMPAIGN} SET state = 'ended' WHERE state = 'live'",
        "campaign_ends_after_it_starts": f"UPDATE {CAMPAIGN} SET starts_at = now(), ends_at = now()",
        "campaign_version_once_per_number": copy(VERSION, "published_at IS NOT NULL"),
        "campaign_has_one_draft": copy(VERSION, "published_at IS NULL", number=99),
        "published_campaigns_are_frozen": (
            f"UPDATE {VERSION} SET kind = 'service' WHERE published_at IS NOT NULL",
            f"DELETE FROM {VERSION} WHERE published_at IS NOT NULL",
        ),
        "step_once_per_position": copy(STEP, OF_A_DRAFT),
        "offering_step_names_its_offer": (
            f"UPDATE {STEP} SET kind = 'offer', wait = '' WHERE {OF_A_DRAFT}",
            f"UPDATE {STEP} SET offer_id = (SELECT min(id) FROM {OFFER}) WHERE {OF_A_DRAFT}",
        ),
        "offer_once_per_code": (
            f"INSERT INTO {OFFER} SELECT (jsonb_populate_record(o, jsonb_build_object('id', o.id + 99, 'budget_id', b.id))).*"
            f" FROM {OFFER} o JOIN rewards_rewardbudget b ON b.id <> o.budget_id LIMIT 1"
        ),
        "offer_has_a_reward": f"UPDATE {OFFER} SET rewards = '{{}}'",
        "offer_ends_after_it_begins": f"UPDATE {OFFER} SET first_day = '2026-06-02', last_day = '2026-06-01'",
        "offer_instead_is_for_the_excluded": f"UPDATE {OFFER} SET instead_id = id",
        "offer_found_in_a_report_of_an_experiment": f"UPDATE {OFFER} SET found_look = 1, found_in_id = NULL",
        "discount_cap_once_per_window": copy(DISCOUNT_CAP),
        "discount_cap_lets_one_pass": f'UPDATE {DISCOUNT_CAP} SET "limit" = 0',
        "discount_cap_has_days": (
            f"UPDATE {DISCOUNT_CAP} SET days = 0",
            f"UPDATE {DISCOUNT_CAP} SET days = 401",
        ),
        "grant_once_per_occurrence": copy(GRANT, "state = 'granted'"),
        "taken_grant_has_a_redemption": (
            f"UPDATE {GRANT} SET state = 'taken' WHERE state = 'granted'",
            f"UPDATE {GRANT} SET state = 'granted' WHERE state = 'taken'",
        ),
        "ended_grant_has_an_instant": (
            f"UPDATE {GRANT} SET ended_at = now() WHERE state = 'granted'",
            f"UPDATE {GRANT} SET ended_at = NULL WHERE state = 'declined'",
        ),
        "grant_ends_after_it_is_given": f"UPDATE {GRANT} SET expires_at = granted_at",
        "grant_reserves_nothing_negative": f"UPDATE {GRANT} SET reserved = -1",
        "offer_deciles_in_order": f"UPDATE {OFFER} SET value_from = 3, value_to = 2",
        "refused_once_per_reason": copy(REFUSED),
        "offer_refusals_are_append_only": changed(REFUSED, "rule = 'x'"),
        "offer_refusals_never_truncated": f"TRUNCATE {REFUSED}",
        "step_waits_or_says_something": (
            f"UPDATE {STEP} SET wait = '' WHERE kind = 'wait' AND {OF_A_DRAFT}",
            f"UPDATE {STEP} SET channels = '{{}}' WHERE kind = 'message' AND {OF_A_DRAFT}",
        ),
        "published_steps_are_frozen": (
            copy(STEP, OF_A_PUBLISHED, position=99),
            f"UPDATE {STEP} SET position = 98 WHERE {OF_A_PUBLISHED}",
            f"DELETE FROM {STEP} WHERE {OF_A_PUBLISHED}",
        ),
        "text_once_per_language": copy(TEXT, DRAFT_STEP),
        "text_says_something": f"UPDATE {TEXT} SET body = '' WHERE {DRAFT_STEP}",
        "button_leads_somewhere": f"UPDATE {TEXT} SET button = 'Shop' WHERE {DRAFT_STEP}",
        "published_texts_are_frozen": (
            copy(TEXT, PUBLISHED_STEP, language="de"),
            f"UPDATE {TEXT} SET body = 'x' WHERE {PUBLISHED_STEP}",
            f"DELETE FROM {TEXT} WHERE {PUBLISHED_STEP}",
        ),
        "entry_once_per_occurrence": copy(ENTRY),
        "ended_entry_has_a_reason": f"UPDATE {ENTRY} SET ended_at = now(), next_at = NULL WHERE ended_at IS NULL",
        "held_out_entry_takes_no_step": f"UPDATE {ENTRY} SET is_held_out = true WHERE ended_at IS NULL",
        "goal_counts_after_exposure": f"UPDATE {ENTRY} SET reached_goal_at = exposure_at - interval '1 second'",
        "not_entered_once_per_reason": copy(OUTCOME, "what = 'not_entered'"),
        "outcomes_are_append_only": changed(OUTCOME, "reason = 'x'"),
        "outcomes_never_truncated": f"TRUNCATE {OUTCOME}",
        "message_once_per_cause": copy(MESSAGE),
        "accepted_message_has_a_claim": (
            f"UPDATE {MESSAGE} SET state = 'accepted' WHERE state = 'due'",
            f"UPDATE {MESSAGE} SET channel = '' WHERE state = 'complained'",
        ),
        "message_on_its_way_has_a_lease": (
            f"UPDATE {MESSAGE} SET state = 'claimed', claimed_at = planned_at, channel = 'email' WHERE state = 'due'"
        ),
        "message_goes_before_it_expires": (
            f"UPDATE {MESSAGE} SET claimed_at = expires_at WHERE state = 'due'",
            f"UPDATE {MESSAGE} SET expires_at = claimed_at WHERE state = 'complained'",
        ),
        "message_lease_ends_after_its_claim": (
            f"UPDATE {MESSAGE} SET state = 'claimed', claimed_at = planned_at, channel = 'email', claimed_until = planned_at"
            " WHERE state = 'due'"
        ),
        "message_not_sent_has_a_reason": f"UPDATE {MESSAGE} SET state = 'dropped' WHERE state = 'due'",
        "message_has_a_channel": f"UPDATE {MESSAGE} SET channels = '{{}}'",
        "only_service_is_urgent": f"UPDATE {MESSAGE} SET is_urgent = true",
        "message_read_in_the_inbox": f"UPDATE {MESSAGE} SET read_at = now() WHERE channel = 'email'",
        "messages_end_once": f"UPDATE {MESSAGE} SET state = 'due' WHERE state = 'complained'",
        "receipt_once_per_event": copy("campaigns_receipt"),
        "receipts_are_append_only": changed("campaigns_receipt", "what = 'delivered'"),
        "receipts_never_truncated": "TRUNCATE campaigns_receipt",
        "survey_once_per_code": copy(SURVEY),
        "survey_in_french_is_one_in_english": f"UPDATE {SURVEY} SET question_fr = 'Content ?'",
        "step_asks_by_a_message": (
            f"UPDATE {STEP} SET survey_id = (SELECT id FROM {SURVEY} LIMIT 1) WHERE kind = 'wait' AND {OF_A_DRAFT}"
        ),
        "invitation_once_per_step": copy(INVITATION),
        "invitation_can_be_answered": f"UPDATE {INVITATION} SET expires_at = asked_at",
        "answer_is_on_a_scale": copy(ANSWER, score=11),
        "answer_once_per_number": copy(ANSWER),
        "answers_are_append_only": changed(ANSWER, "score = 10"),
        "answers_never_truncated": f"TRUNCATE {ANSWER} CASCADE",
        "follow_up_says_who_has_it": (
            f"UPDATE {FOLLOW_UP} SET state = 'taken'",
            f"UPDATE {FOLLOW_UP} SET taken_by = 'sue'",
            f"UPDATE {FOLLOW_UP} SET state = 'closed', closed_at = now()",
        ),
    }
