"""Every table is some app's part of what is held on persons, or of no person. What is not in here fails: think, and add it."""

from collections import Counter

from django.apps import apps
from django.db import models

from customers.models import Customer
from customers.privacy import parts
from loyalty.memberships.models import Membership

# Of the site, its staff, or a retailer's programs as they are: of no shopper.
OF_NO_PERSON = {
    "django_content_type", "django_session", "auth_permission", "auth_group", "auth_user", "rest_framework_api_key_apikey",
    "account_emailaddress", "account_emailconfirmation", "mfa_authenticator", "outbox_feedstart",
    "access_staffinvitation", "access_signinpolicy", "access_passwordreset",
    "customers_retailer", "access_staffrole", "outbox_endpoint", "api_retailerkey",
    "programs_program", "programs_programversion", "programs_versionevent",
    "points_pointspolicy", "points_earninggroup", "points_earningrule", "points_budgetshare", "points_closedmonth",
    "points_closedbooks",
    "tiers_tierpolicy", "tiers_tier", "plans_paidplan",
    "rewards_reward", "rewards_rewardprice", "referrals_referralpolicy", "rewards_rewardcounter", "rewards_codebatch",
    "badges_surprise", "badges_contestfinish",
    "activity_nightrun", "planning_simulation", "analytics_valuerun", "analytics_auditrun",
    "analytics_auditrequest", "analytics_acquisitioncost",
    "analytics_segmentrun", "analytics_segmentsize", "analytics_segmentsettings",
    "analytics_kpigoal", "analytics_kpisettings", "analytics_kpireader", "analytics_funnel", "analytics_mediacost",
    "analytics_pointsday", "analytics_pointsmark",
    "analytics_upliftrun", "analytics_upliftsettings", "analytics_rolloutrun", "analytics_experimentlook",
    "badges_badge", "badges_challenge", "badges_board", "page_branding",
    "analytics_recommendationrun", "analytics_recommendationsettings",
    "customers_product", "customers_popularproduct", "customers_relatedproduct",
    "experiments_experiment", "experiments_variant", "experiments_experimentevent",
    "campaigns_sendinghours", "campaigns_messagechannel", "campaigns_frequencycap", "campaigns_campaign",
    "campaigns_campaignversion", "campaigns_step", "campaigns_steptext",
    "campaigns_survey",
    "campaigns_offer", "campaigns_discountcap", "rewards_rewardbudget",
}  # fmt: skip


def test_every_table_is_of_a_part_or_of_no_person() -> None:
    tables = {model._meta.db_table for model in apps.get_models()}
    named = Counter(table for part in parts() for table in part.tables)

    assert tables - set(named) - OF_NO_PERSON == set()
    assert (set(named) | OF_NO_PERSON) - tables == set()
    assert [table for table, times in named.items() if times > 1] == []
    assert set(named) & OF_NO_PERSON == set()


def test_what_leads_to_a_customer_is_of_a_part() -> None:
    leading = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model in {Customer, Membership}
    }

    assert leading - {table for part in parts() for table in part.tables} == set()


def test_parts_have_names_of_their_own() -> None:
    names = [part.name for part in parts()]

    assert len(set(names)) == len(names)
