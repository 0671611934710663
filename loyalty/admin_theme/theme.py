"""What the admin's frame shows: our stylesheet, and a menu in the words of the trade."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import cache_control

Page = tuple[Promise, str, str]
# Who may see what a page's address does not say: those of no list of rows of their own.
NEEDED = {
    "admin:plans_subscription_report": "programs.see_liability",
    "admin:rewards_reward_figures": "programs.see_liability",
    "admin:rewards_rewardredemption_desk": "customers.change_customer",
}
# Each group with its pages: title, icon, address. A page stands where somebody who runs a program would look for it.
GROUPS: tuple[tuple[Promise | None, tuple[Page, ...]], ...] = (
    (None, ((_("Dashboard"), "space_dashboard", "admin:index"),)),
    (
        _("Customers"),
        (
            (_("Customers"), "group", "admin:customers_customer_changelist"),
            (_("Orders"), "receipt_long", "admin:customers_order_changelist"),
            (_("Returns"), "assignment_return", "admin:customers_return_changelist"),
            (_("Interactions"), "forum", "admin:customers_interaction_changelist"),
            (_("Imports"), "upload_file", "admin:customers_importjob_changelist"),
        ),
    ),
    (
        _("Loyalty"),
        (
            (_("Members"), "badge", "admin:memberships_membership_changelist"),
            (_("Ledger"), "menu_book", "admin:points_entry_changelist"),
            (_("Referrals"), "group_add", "admin:referrals_referral_changelist"),
            (_("Rewards of interactions"), "rate_review", "admin:activity_interactiondecision_changelist"),
            (_("Held reviews"), "front_hand", "admin:activity_interactionhold_changelist"),
        ),
    ),
    (
        _("Paid plans"),
        (
            (_("Members’ plans"), "card_membership", "admin:plans_subscription_changelist"),
            (_("Invoices"), "request_quote", "admin:plans_invoice_changelist"),
            (_("Refunds"), "undo", "admin:plans_refund_changelist"),
            (_("What plans bring and cost"), "balance", "admin:plans_subscription_report"),
        ),
    ),
    (
        _("Rewards"),
        (
            (_("Catalogue"), "redeem", "admin:rewards_reward_changelist"),
            (_("Redeemed rewards"), "confirmation_number", "admin:rewards_rewardredemption_changelist"),
            (_("Redemption desk"), "point_of_sale", "admin:rewards_rewardredemption_desk"),
            (_("Rewards in figures"), "monitoring", "admin:rewards_reward_figures"),
            (_("Imports of codes"), "qr_code_2", "admin:rewards_codebatch_changelist"),
            (_("Causes"), "volunteer_activism", "admin:rewards_causeentry_changelist"),
        ),
    ),
    (
        _("Challenges"),
        (
            (_("Challenges"), "flag", "admin:badges_challenge_changelist"),
            (_("Badges"), "military_tech", "admin:badges_badge_changelist"),
            (_("Badges given by staff"), "volunteer_activism", "admin:badges_givenbadge_changelist"),
            (_("Awards"), "emoji_events", "admin:badges_challengeaward_changelist"),
            (_("Progress"), "trending_up", "admin:badges_memberprogress_changelist"),
            (_("Leaderboards"), "leaderboard", "admin:badges_board_changelist"),
            (_("Scores"), "scoreboard", "admin:badges_boardscore_changelist"),
            (_("Contests"), "workspace_premium", "admin:badges_contestfinish_changelist"),
            (_("Participations"), "how_to_reg", "admin:badges_participation_changelist"),
            (_("Surprises"), "featured_seasonal_and_gifts", "admin:badges_surprise_changelist"),
            (_("Lots of surprises"), "casino", "admin:badges_surpriseticket_changelist"),
        ),
    ),
    (
        _("Campaigns"),
        (
            (_("Campaigns"), "campaign", "admin:campaigns_campaign_changelist"),
            (_("Offers"), "sell", "admin:campaigns_offer_changelist"),
            (_("Caps of discounts"), "percent_discount", "admin:campaigns_discountcap_changelist"),
            (_("Offers of members"), "redeem", "admin:campaigns_offergrant_changelist"),
            (_("Refused offers"), "block", "admin:campaigns_offerrefusal_changelist"),
            (_("Messages"), "mail", "admin:campaigns_message_changelist"),
            (_("Entries of campaigns"), "login", "admin:campaigns_entry_changelist"),
            (_("Why somebody got something or not"), "help", "admin:campaigns_outcome_changelist"),
            (_("Surveys"), "quiz", "admin:campaigns_survey_changelist"),
            (_("Answers"), "reviews", "admin:campaigns_answer_changelist"),
            (_("Follow-ups"), "support_agent", "admin:campaigns_followup_changelist"),
            (_("Channels"), "cell_tower", "admin:campaigns_messagechannel_changelist"),
            (_("Caps of messages"), "speed", "admin:campaigns_frequencycap_changelist"),
            (_("Quiet hours"), "bedtime", "admin:campaigns_sendinghours_changelist"),
        ),
    ),
    (
        _("Programs"),
        (
            (_("Programs"), "loyalty", "admin:programs_program_changelist"),
            (_("Versions"), "history_edu", "admin:programs_programversion_changelist"),
            (_("Experiments"), "biotech", "admin:experiments_experiment_changelist"),
            (_("Assignments"), "call_split", "admin:experiments_assignment_changelist"),
            (_("What-ifs"), "science", "admin:planning_simulation_changelist"),
            (_("Audit"), "fact_check", "admin:programs_versionevent_changelist"),
            (_("Nights"), "bedtime", "admin:activity_nightrun_changelist"),
            (_("Waiting to be decided"), "hourglass_top", "admin:customers_undecidedfact_changelist"),
            (_("Set aside"), "report", "admin:activity_setaside_changelist"),
        ),
    ),
    (
        _("Value"),
        (
            (_("Key figures"), "speed", "admin:analytics_kpigoal_overview"),
            (_("What pays"), "savings", "admin:analytics_kpigoal_what_pays"),
            (_("Funnels"), "filter_alt", "admin:analytics_funnel_overview"),
            (_("Journey map"), "route", "admin:analytics_funnel_map"),
            (_("Segments"), "groups", "admin:analytics_segmentrun_changelist"),
            (_("Customer value"), "insights", "admin:analytics_valuerun_overview"),
            (_("Recommendations"), "recommend", "admin:analytics_recommendationrun_changelist"),
            (_("Uplift"), "trending_up", "admin:analytics_upliftrun_changelist"),
            (_("Roll-outs in stores"), "storefront", "admin:analytics_rolloutrun_changelist"),
            (_("Value runs"), "monitoring", "admin:analytics_valuerun_changelist"),
            (_("Customer values"), "paid", "admin:analytics_customervalue_changelist"),
            (_("Results of experiments"), "labs", "admin:analytics_experimentlook_changelist"),
            (_("Acquisition costs"), "ads_click", "admin:analytics_acquisitioncost_changelist"),
            (_("Data audit"), "rule", "admin:analytics_auditrun_changelist"),
            (_("Segments’ thresholds"), "tune", "admin:analytics_segmentsettings_changelist"),
        ),
    ),
    (
        _("Access"),
        (
            (_("Retailers"), "storefront", "admin:customers_retailer_changelist"),
            (_("Members’ page"), "smartphone", "admin:page_branding_changelist"),
            (_("API keys"), "key", "admin:api_retailerkey_changelist"),
            (_("Webhooks"), "webhook", "admin:outbox_endpoint_changelist"),
            (_("Payment notices"), "receipt", "admin:plans_paymentnotice_changelist"),
            (_("Deliveries"), "outbox", "admin:outbox_delivery_changelist"),
            (_("Staff"), "diversity_3", "admin:access_staffrole_changelist"),
            (_("Invitations"), "person_add", "admin:access_staffinvitation_changelist"),
            (_("Sign-in of staff"), "passkey", "admin:access_signinpolicy_changelist"),
            (_("Users"), "manage_accounts", "admin:auth_user_changelist"),
        ),
    ),
)


def stylesheet(_request: HttpRequest) -> str:
    return static("admin_theme/theme.css")


def icon(_request: HttpRequest) -> str:
    return static("admin_theme/icon.svg")


@cache_control(public=True, max_age=86_400)
def favicon(_request: HttpRequest) -> HttpResponse:
    """Lead to the icon who asks for it where browsers look for one unasked."""
    return redirect(static("admin_theme/icon.png"))


def search_script(_request: HttpRequest) -> str:
    return static("admin_theme/search.js")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu: each group with the pages that the reader may see."""
    groups: list[dict[str, Any]] = []
    for title, pages in GROUPS:
        items = [page for each in pages if _may_see(request, page := _page(*each))]
        if items:
            groups.append({"items": items} | ({"title": title, "separator": True} if title else {}))
    _mark_the_exact_one(request, [item for group in groups for item in group["items"]])
    return groups


def _mark_the_exact_one(request: HttpRequest, items: list[dict[str, Any]]) -> None:
    """Let the page that is open stand out alone, where its address begins as another one of the menu does."""
    path = getattr(request, "path", "")
    if any(item["link"] == path for item in items):
        for item in items:
            item["active"] = lambda _request, is_open=item["link"] == path: is_open


def _may_see(request: HttpRequest, page: dict[str, Any]) -> bool:
    user = getattr(request, "user", None)
    needed = page["permission_name"]
    return not needed or (user is not None and user.has_perm(needed))


def _page(title: Promise, icon: str, name: str) -> dict[str, Any]:
    app, *rest = name.removeprefix("admin:").split("_")  # what follows the model is one of its pages
    model = rest[0] if rest else ""
    return {
        "title": title,
        "icon": icon,
        "link": reverse(name),
        "permission_name": NEEDED.get(name) or (f"{app}.view_{model}" if model else ""),
    }
