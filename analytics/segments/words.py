"""What types, tags and stages are, in words that a person understands, and what to do about them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from analytics.segments.rules import STAGES, TAGS, TYPES, Thresholds
from customers.core.segments import LifeStage, SegmentTag, SegmentType
from customers.segment_names import NAMES


@dataclass(frozen=True, slots=True)
class Described:
    """
    A type, tag or stage in words.

    :param rule: who belongs to it
    :param action: what to do about it
    """

    code: str
    name: str
    rule: str
    action: str


AT_RISK = _("at risk: the chance that they buy again has fallen below 60 %% of what it was after their last purchase")
AT_RISK_BY_GAPS = _("at risk: they have waited longer than %(overdue_gaps)s of their usual gaps between purchases")
RULES: Mapping[str, Promise] = {
    SegmentType.VIP: _("among the %(top_percent)s %% who are worth most if they stay, and not at risk"),
    SegmentType.VIP_AT_RISK: _("among the %(top_percent)s %% who are worth most if they stay, and at risk"),
    SegmentType.POTENTIAL_LOYAL: _(
        "not at risk, and bought on %(few_occasions)s days at most, or for the first time less than %(first_year_days)s days ago"
    ),
    SegmentType.LOYAL_LOW_VALUE: _(
        "not at risk, customers for %(first_year_days)s days or more, but not among those who are worth most"
    ),
    SegmentType.LOW_VALUE_AT_RISK: _("at risk, and not among those who are worth most"),
    SegmentTag.SERIAL_RETURNER: _(
        "returned %(returned_percent)s %% or more of what they bought, by value, in %(returns)s returns or more"
    ),
    SegmentTag.SELDOM_BUYER: _("visited %(visits_per_purchase)s times or more for each purchase"),
    SegmentTag.GIFT_BUYER: _("%(gift_percent)s %% or more of their orders were gifts"),
    SegmentTag.CATEGORY_LOVER: _(
        "spent %(lover_percent)s %% or more on one category, and bought on %(lover_occasions)s days or more"
    ),
    SegmentTag.BRAND_LOVER: _(
        "spent %(lover_percent)s %% or more on one brand, and bought on %(lover_occasions)s days or more"
    ),
    SegmentTag.SEASONAL_BUYER: _(
        "%(seasonal_percent)s %% or more of their purchase days are in one quarter of the year, over %(seasonal_days)s days"
    ),
    SegmentTag.PROMOTION_LOVER: _("%(promotion_percent)s %% or more of their orders had a code or a discount"),
    LifeStage.NEVER_BOUGHT: _("known, but without a purchase that was kept"),
    LifeStage.NEW: _("not at risk, and bought for the first time less than %(new_days)s days ago"),
    LifeStage.ESTABLISHED: _("not at risk, and bought for the first time %(new_days)s days ago or earlier"),
    LifeStage.OVERDUE: _("at risk, but not lost"),
    LifeStage.LOST: _("at risk, and the probability that they buy again is less than %(lost_percent)s %%"),
}
LOST_BY_GAPS = _("waited longer than %(lost_gaps)s of their usual gaps between purchases")
ACTIONS: Mapping[str, Promise] = {
    SegmentType.VIP: _("Recognise them in person, give early access and service. A discount is wasted: they buy anyway."),
    SegmentType.VIP_AT_RISK: _("Call or write in person now, ask why, and make it easy to come back: most is at stake here."),
    SegmentType.POTENTIAL_LOYAL: _("Welcome them, lead to a second and third purchase, and show what the program gives."),
    SegmentType.LOYAL_LOW_VALUE: _("Show other categories and fuller baskets. Keep the cost of serving them low."),
    SegmentType.LOW_VALUE_AT_RISK: _("Remind them once by a cheap channel, and spend nothing more."),
    SegmentTag.SERIAL_RETURNER: _("Help to choose (sizes, photos, advice). Do not reward before the time to return is over."),
    SegmentTag.SELDOM_BUYER: _("Find what stops them: stock, price, waiting. Give a reason for a first basket."),
    SegmentTag.GIFT_BUYER: _("Write before feasts and birthdays, offer wrapping and vouchers, ask what they like themselves."),
    SegmentTag.CATEGORY_LOVER: _("Tell news of the category first, and what goes with it."),
    SegmentTag.BRAND_LOVER: _("Tell what is new of the brand. The brand may pay for it."),
    SegmentTag.SEASONAL_BUYER: _("Write shortly before the season, not between."),
    SegmentTag.PROMOTION_LOVER: _("Give points rather than discounts, and measure what a promotion adds."),
    LifeStage.NEVER_BOUGHT: _("Ask for a first purchase."),
    LifeStage.NEW: _("Make the second purchase easy."),
    LifeStage.ESTABLISHED: _("Keep what works."),
    LifeStage.OVERDUE: _("Remind them while they remember."),
    LifeStage.LOST: _("Win back those worth most, and write to the others no more."),
}  # fmt: skip


def described(code: str, thresholds: Thresholds, *, predicted: bool = True) -> Described:
    """
    Return a type, tag or stage in words, with a retailer's own thresholds.

    :param predicted: whether risk was predicted, and not told by gaps
    """
    rule = LOST_BY_GAPS if code == LifeStage.LOST and not predicted else RULES[code]
    return Described(code, str(NAMES[code]), str(rule) % asdict(thresholds), str(ACTIONS[code]))


def risk_in_words(thresholds: Thresholds, *, predicted: bool = True) -> str:
    """Return what being at risk means."""
    return str(AT_RISK if predicted else AT_RISK_BY_GAPS) % asdict(thresholds)


def all_described(thresholds: Thresholds, *, predicted: bool = True) -> dict[str, Described]:
    """Return all types, tags and stages in words, by their codes."""
    codes = [str(code) for code in (*TYPES, *TAGS, *STAGES)]
    return {code: described(code, thresholds, predicted=predicted) for code in codes}
