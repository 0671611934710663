"""A reward in plain words, in the reader's language."""

from django.utils.formats import date_format
from django.utils.translation import gettext as _

from loyalty.configuration.arm_checks import arms_in_words
from loyalty.configuration.wording import number
from loyalty.rewards.models import Reward


def reward_in_words(reward: Reward, currency: str) -> list[str]:
    """Return what a reward is, what it costs, for whom it is and when it ends, phrase by phrase."""
    price = _("given by offers alone") if reward.granted_only else _price(reward)
    return [_what(reward, currency), price, *_limits(reward), *_end(reward), *arms_in_words(reward.arms)]


def _what(reward: Reward, currency: str) -> str:
    if reward.kind == Reward.Kind.AMOUNT_OFF:
        return _("%(amount)s %(currency)s off") % {"amount": number(reward.value or 0), "currency": currency}
    if reward.kind == Reward.Kind.PERCENT_OFF:
        return _("%(percent)s %% off") % {"percent": number(reward.percent or 0)}
    if reward.kind in {Reward.Kind.DONATION, Reward.Kind.PAY_WITH_POINTS}:
        facts = {"kind": reward.get_kind_display(), "points": number(reward.points_per_unit or 0), "currency": currency}
        said = _("%(kind)s, %(points)s points for 1 %(currency)s") % facts
        if reward.match_percent:
            match = {"percent": reward.match_percent, "budget": number(reward.match_budget or 0), "currency": currency}
            said += _(", with a match of %(percent)s %% up to %(budget)s %(currency)s") % match
        return said
    return str(reward.get_kind_display())


def _price(reward: Reward) -> str:
    if reward.kind in {Reward.Kind.DONATION, Reward.Kind.PAY_WITH_POINTS}:
        return _("from %(points)s points") % {"points": number(reward.points)}
    return _("%(points)s points") % {"points": number(reward.points)}


def _limits(reward: Reward) -> list[str]:
    said = []
    if reward.stock is not None:
        said.append(_("%(stock)s in all") % {"stock": number(reward.stock)})
    if reward.member_limit is not None:
        facts = {"count": reward.member_limit, "period": reward.get_member_period_display()}
        said.append(_("%(count)s per member and %(period)s") % facts)
    for words, codes in (
        (_("only for tiers: %(codes)s"), reward.tiers),
        (_("only for plans: %(codes)s"), reward.plans),
        (_("only for segments: %(codes)s"), reward.segments),
    ):
        if codes:
            said.append(words % {"codes": ", ".join(codes)})
    return said


def _end(reward: Reward) -> list[str]:
    said = []
    if reward.valid_days is not None:
        said.append(_("good for %(days)s days") % {"days": reward.valid_days})
    if reward.valid_until is not None:
        said.append(_("good through %(day)s") % {"day": date_format(reward.valid_until)})
    if said:
        said.append(_("unused then: %(what)s") % {"what": reward.get_on_expiry_display()})
    return said
