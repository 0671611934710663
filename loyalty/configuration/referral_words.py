"""A referral policy in plain words, in the reader's language."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from loyalty.configuration.wording import number
from loyalty.referrals.models import Period, ReferralPolicy


def referrals_in_words(policy: ReferralPolicy, currency: str) -> list[str]:
    """Return what referrals give, for what, and how far, sentence by sentence."""
    gives = _("Who refers a friend gets %(advocate)s points, the friend %(friend)s.")
    said = [gives % {"advocate": number(policy.advocate_points), "friend": number(policy.friend_points)}]
    said.append(_order(policy, currency))
    if policy.window_days:
        words = ngettext(
            "The order has to come within %(days)s day of the claim.",
            "The order has to come within %(days)s days of the claim.",
            policy.window_days,
        )
        said.append(words % {"days": policy.window_days})
    if policy.waiting_days:
        words = ngettext(
            "Both rewards are pending for %(days)s day, and are cancelled when the order comes back.",
            "Both rewards are pending for %(days)s days, and are cancelled when the order comes back.",
            policy.waiting_days,
        )
        said.append(words % {"days": policy.waiting_days})
    return [*said, *_limits(policy)]


def _order(policy: ReferralPolicy, currency: str) -> str:
    facts = {"amount": number(policy.minimum_amount), "currency": currency}
    if policy.first_order_only:
        words = _("It takes the friend’s first order, of %(amount)s %(currency)s or more.")
        return words % facts if policy.minimum_amount else _("It takes the friend’s first order.")
    return _("It takes the friend’s first order that reaches %(amount)s %(currency)s.") % facts


def _limits(policy: ReferralPolicy) -> list[str]:
    said = []
    if policy.advocate_limit is not None:
        words = ngettext(
            "A referrer gets %(count)s reward at most: %(period)s.",
            "A referrer gets %(count)s rewards at most: %(period)s.",
            policy.advocate_limit,
        )
        said.append(words % {"count": policy.advocate_limit, "period": Period(policy.limit_period).label})
    if policy.budget is not None:
        words = _("All together get %(points)s points at most: %(period)s.")
        said.append(words % {"points": number(policy.budget), "period": Period(policy.budget_period).label})
    held = _("What looks suspicious waits for a person to decide: from a score of %(score)s on.")
    return [*said, held % {"score": policy.hold_score}]
