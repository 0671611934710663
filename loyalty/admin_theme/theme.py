"""What the admin's frame shows: our stylesheet, and a menu in the words of the trade."""

from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import gettext as _


def stylesheet(_request: HttpRequest) -> str:
    return static("admin_theme/theme.css")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    """Return the menu: each group with the pages that the reader may see."""
    groups = [{**group, "items": [page for page in group["items"] if _may_see(request, page)]} for group in _groups()]
    return [group for group in groups if group["items"]]


def _may_see(request: HttpRequest, page: dict[str, Any]) -> bool:
    user = getattr(request, "user", None)
    needed = page["permission_name"]
    return not needed or (user is not None and user.has_perm(needed))


def _groups() -> list[dict[str, Any]]:
    return [
        {"items": [_page(_("Dashboard"), "space_dashboard", "admin:index")]},
        {
            "title": _("Customers"),
            "separator": True,
            "items": [
                _page(_("Customers"), "group", "admin:customers_customer_changelist"),
                _page(_("Orders"), "receipt_long", "admin:customers_order_changelist"),
                _page(_("Returns"), "assignment_return", "admin:customers_return_changelist"),
                _page(_("Interactions"), "forum", "admin:customers_interaction_changelist"),
                _page(_("Imports"), "upload_file", "admin:customers_importjob_changelist"),
            ],
        },
        {
            "title": _("Loyalty"),
            "separator": True,
            "items": [
                _page(_("Members"), "badge", "admin:memberships_membership_changelist"),
                _page(_("Members’ plans"), "card_membership", "admin:plans_subscription_changelist"),
                _page(_("Invoices"), "request_quote", "admin:plans_invoice_changelist"),
                _page(_("Refunds"), "undo", "admin:plans_refund_changelist"),
                _page(_("Ledger"), "menu_book", "admin:points_entry_changelist"),
                _page(_("Catalogue"), "redeem", "admin:rewards_reward_changelist"),
                _page(_("Redeemed rewards"), "confirmation_number", "admin:rewards_rewardredemption_changelist"),
                _page(_("Imports of codes"), "qr_code_2", "admin:rewards_codebatch_changelist"),
                _page(_("Causes"), "volunteer_activism", "admin:rewards_causeentry_changelist"),
                _page(_("Referrals"), "group_add", "admin:referrals_referral_changelist"),
                _page(_("Challenges"), "flag", "admin:badges_challenge_changelist"),
                _page(_("Badges"), "military_tech", "admin:badges_badge_changelist"),
                _page(_("Awards"), "emoji_events", "admin:badges_challengeaward_changelist"),
                _page(_("Progress"), "trending_up", "admin:badges_memberprogress_changelist"),
                _page(_("Leaderboards"), "leaderboard", "admin:badges_board_changelist"),
                _page(_("Scores"), "scoreboard", "admin:badges_boardscore_changelist"),
                _page(_("Contests"), "workspace_premium", "admin:badges_contestfinish_changelist"),
                _page(_("Surprises"), "featured_seasonal_and_gifts", "admin:badges_surprise_changelist"),
                _page(_("Lots of surprises"), "casino", "admin:badges_surpriseticket_changelist"),
                _page(_("Participations"), "how_to_reg", "admin:badges_participation_changelist"),
                _page(_("Programs"), "loyalty", "admin:programs_program_changelist"),
                _page(_("Versions"), "history_edu", "admin:programs_programversion_changelist"),
                _page(_("What-ifs"), "science", "admin:planning_simulation_changelist"),
                _page(_("Audit"), "fact_check", "admin:programs_versionevent_changelist"),
                _page(_("Nights"), "bedtime", "admin:activity_nightrun_changelist"),
                _page(_("Waiting to be decided"), "hourglass_top", "admin:customers_undecidedfact_changelist"),
                _page(_("Set aside"), "report", "admin:activity_setaside_changelist"),
            ],
        },
        {
            "title": _("Value"),
            "separator": True,
            "items": [
                _page(_("Value runs"), "monitoring", "admin:analytics_valuerun_changelist"),
                _page(_("Customer values"), "paid", "admin:analytics_customervalue_changelist"),
            ],
        },
        {
            "title": _("Access"),
            "separator": True,
            "items": [
                _page(_("Retailers"), "storefront", "admin:customers_retailer_changelist"),
                _page(_("Members’ page"), "smartphone", "admin:page_branding_changelist"),
                _page(_("API keys"), "key", "admin:api_retailerkey_changelist"),
                _page(_("Webhooks"), "webhook", "admin:outbox_endpoint_changelist"),
                _page(_("Payment notices"), "receipt", "admin:plans_paymentnotice_changelist"),
                _page(_("Deliveries"), "outbox", "admin:outbox_delivery_changelist"),
                _page(_("Staff"), "diversity_3", "admin:access_staffrole_changelist"),
                _page(_("Users"), "manage_accounts", "admin:auth_user_changelist"),
            ],
        },
    ]


def _page(title: str, icon: str, name: str) -> dict[str, Any]:
    app_and_model = name.removeprefix("admin:").removesuffix("_changelist")
    app, _sep, model = app_and_model.partition("_")
    return {
        "title": title,
        "icon": icon,
        "link": reverse(name),
        "permission_name": f"{app}.view_{model}" if model else "",
    }
