"""What each role may do: the least that its work needs. Pure."""

from enum import StrEnum


class Role(StrEnum):
    """
    Who works for a retailer.

    An owner runs it all. A program manager shapes programs, and sees members by number only. A support agent helps
    members. An analyst reads figures and asks what-ifs, without persons. An auditor sees everything and changes nothing.
    """

    OWNER = "owner"
    MANAGER = "manager"
    SUPPORT = "support"
    ANALYST = "analyst"
    AUDITOR = "auditor"


PROGRAMS = ("programs.program", "programs.programversion")
PARTS = (
    "points.pointspolicy",
    "points.earninggroup",
    "points.earningrule",
    "tiers.tierpolicy",
    "tiers.tier",
    "plans.paidplan",
    "rewards.reward",
    "rewards.rewardprice",
    "referrals.referralpolicy",
    "badges.badge",
    "badges.challenge",
    "badges.board",
)
PERSONS = ("customers.customer", "customers.consent", "customers.insight")
FACTS = (
    "customers.order", "customers.orderline", "customers.orderclaim", "customers.orderrevision", "customers.return",
    "customers.returnline", "customers.interaction",
)  # fmt: skip
MEMBERS = (
    "memberships.membership", "points.entry", "plans.subscription", "plans.invoice", "plans.refund", "rewards.rewardredemption",
    "referrals.referral", "activity.interactiondecision", "activity.interactionhold",
    "badges.challengeaward", "badges.memberprogress", "badges.participation", "badges.boardscore",
    "badges.surpriseticket", "badges.contestfinish", "badges.contestprize", "badges.givenbadge",
)  # fmt: skip
SURPRISES = ("badges.surprise",)
DRAWN_UP = ("experiments.experiment", "experiments.variant")
EXPERIMENTS = ("experiments.experiment", "experiments.variant", "experiments.experimentevent")
CAMPAIGNS = (
    "campaigns.campaign",
    "campaigns.campaignversion",
    "campaigns.step",
    "campaigns.steptext",
    "campaigns.offer",
    "campaigns.discountcap",
)
SENDING = ("campaigns.messagechannel", "campaigns.frequencycap", "campaigns.sendinghours")
MESSAGES = (
    "campaigns.message", "campaigns.entry", "campaigns.outcome", "campaigns.offergrant", "campaigns.offerrefusal",
)  # fmt: skip
SURVEYS = ("campaigns.survey",)
ANSWERS = ("campaigns.answer", "campaigns.followup")
CAUSES = ("rewards.causeentry", "rewards.codebatch")
AUDITS = ("analytics.auditrun", "analytics.acquisitioncost")
SEGMENTS = ("analytics.segmentrun", "analytics.segmentsettings")
UPLIFT = ("analytics.upliftrun", "analytics.upliftsettings")
ROLL_OUTS = ("analytics.rolloutrun",)
RECOMMENDED = ("analytics.recommendationrun", "analytics.recommendationsettings")
CATALOGUE = ("customers.product",)
LOOKS = ("analytics.experimentlook",)
FIGURES = (
    "analytics.kpigoal",
    "analytics.kpisettings",
    "analytics.kpireader",
    "analytics.mediacost",
    "analytics.funnel",
)
VALUES = (
    "analytics.valuerun", "analytics.customervalue", *AUDITS, *SEGMENTS, *UPLIFT, *ROLL_OUTS, *RECOMMENDED, *CATALOGUE,
    *LOOKS, *FIGURES,
)  # fmt: skip
LINKS = ("api.retailerkey", "outbox.endpoint", "page.branding")
EVERYTHING = (
    *PROGRAMS, *PARTS, *PERSONS, *FACTS, *MEMBERS, *VALUES, *LINKS, *CAUSES, *SURPRISES, *EXPERIMENTS,
    *CAMPAIGNS, *SENDING, *MESSAGES, *SURVEYS, *ANSWERS,
    "experiments.assignment", "outbox.delivery", "activity.nightrun",
    "activity.setaside", "customers.undecidedfact", "customers.erasure", "plans.paymentnotice",
    "planning.simulation", "programs.versionevent", "customers.importjob", "customers.retailer", "access.staffrole",
    "access.staffinvitation", "access.signinpolicy",
)  # fmt: skip
WRITE = ("add", "change", "delete")


def _may(actions: tuple[str, ...], *models: str) -> frozenset[str]:
    found = set()
    for model in models:
        app, name = model.split(".")
        found |= {f"{app}.{action}_{name}" for action in actions}
    return frozenset(found)


PUBLISH = frozenset({"programs.publish_programversion"})
SEE_LIABILITY = frozenset({"programs.see_liability"})
SHAPE = (
    _may(("view", *WRITE), *PARTS, "programs.programversion")
    | _may(("view", "add", "change"), "programs.program", "planning.simulation")
    | PUBLISH
    | SEE_LIABILITY
)
PERMISSIONS: dict[Role, frozenset[str]] = {
    Role.OWNER: _may(("view",), *EVERYTHING)
    | SHAPE
    | _may(("change",), "customers.retailer", "customers.customer")
    | _may(("add", "change"), "customers.importjob", *LINKS)
    | _may(
        ("add",),
        "rewards.codebatch",
        "analytics.auditrun",
        "analytics.valuerun",
        "analytics.upliftrun",
        *ROLL_OUTS,
        *LOOKS,
    )
    | _may(WRITE, *DRAWN_UP, *CAMPAIGNS, *SENDING)
    | _may(("add", "change"), *SURVEYS)
    | _may(("change", "delete"), "access.staffrole")
    | _may(("add", "delete"), "access.staffinvitation")
    | _may(("add", "change"), "access.signinpolicy")
    | _may(WRITE, "analytics.acquisitioncost", "analytics.segmentsettings", *SURPRISES)
    | _may(WRITE, "analytics.upliftsettings", "analytics.recommendationsettings", *CATALOGUE, *FIGURES)
    | _may(("add",), "analytics.recommendationrun"),
    Role.MANAGER: SHAPE
    | _may(("add",), "rewards.codebatch", "analytics.auditrun", *LOOKS)
    | _may(("view",), *EXPERIMENTS, *CAMPAIGNS, *SENDING)
    | _may(WRITE, *DRAWN_UP, *CAMPAIGNS)
    | _may(("view", "add", "change"), *SURVEYS)
    | _may(("view", *WRITE), "analytics.acquisitioncost", "analytics.segmentsettings", *SURPRISES)
    | _may(("view", *WRITE), "analytics.upliftsettings", "analytics.recommendationsettings", *CATALOGUE, *FIGURES)
    | _may(("view", "add"), "analytics.recommendationrun")
    | _may(
        ("view",),
        *CAUSES,
        "programs.versionevent",
        "activity.nightrun",
        "analytics.valuerun",
        "analytics.auditrun",
        "analytics.segmentrun",
        "analytics.upliftrun",
        *ROLL_OUTS,
        *LOOKS,
    ),
    Role.SUPPORT: _may(
        ("view",),
        "activity.setaside",
        "customers.undecidedfact",
        *PERSONS,
        *FACTS,
        *MEMBERS,
        *PROGRAMS,
        *PARTS,
        *SURPRISES,
        *EXPERIMENTS,
        *CAMPAIGNS,
        *MESSAGES,
        *SURVEYS,
        *ANSWERS,
        "experiments.assignment",
    )
    | _may(("change",), "customers.customer"),
    Role.ANALYST: _may(
        ("view",),
        *PROGRAMS,
        *PARTS,
        *FACTS,
        "analytics.valuerun",
        "activity.nightrun",
        *AUDITS,
        *SEGMENTS,
        *UPLIFT,
        *ROLL_OUTS,
        *RECOMMENDED,
        *CATALOGUE,
        *LOOKS,
        *FIGURES,
        *EXPERIMENTS,
        *CAMPAIGNS,
        *SURVEYS,
    )
    | _may(("add",), "analytics.recommendationrun")
    | _may(("view", "add", "change"), "planning.simulation")
    | _may(("add",), "analytics.auditrun", "analytics.valuerun", "analytics.upliftrun", *ROLL_OUTS, *LOOKS)
    | SEE_LIABILITY,
    Role.AUDITOR: _may(("view",), *EVERYTHING) | SEE_LIABILITY,
}
SCOPES: dict[Role, frozenset[str]] = {
    Role.OWNER: frozenset({"program:read", "program:write", "program:publish", "program:simulate"}),
    Role.MANAGER: frozenset({"program:read", "program:write", "program:publish", "program:simulate"}),
    Role.SUPPORT: frozenset({"program:read"}),
    Role.ANALYST: frozenset({"program:read", "program:simulate"}),
    Role.AUDITOR: frozenset({"program:read"}),
}
ALL_SCOPES = frozenset().union(*SCOPES.values())
