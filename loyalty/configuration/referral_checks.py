"""What nobody can want of a referral policy, and what somebody may not have meant: told before it is published."""

from collections.abc import Iterable
from decimal import Decimal
from string import Formatter
from urllib.parse import urlsplit

from django.utils.formats import number_format
from django.utils.translation import gettext as _

from customers.core.money import decimals_of, to_unit
from loyalty.configuration.findings import Finding
from loyalty.points.models import PointsPolicy
from loyalty.programs.models import ProgramVersion
from loyalty.referrals.models import ReferralPolicy


def check_referrals(version: ProgramVersion) -> Iterable[Finding]:
    """Return what is wrong with a version's referral policy, or looks as if it were."""
    policy = ReferralPolicy.objects.filter(version=version).first()
    if policy is None:
        return
    place = f"referrals/{policy.code}"
    wallets = set(PointsPolicy.objects.filter(version=version).values_list("code", flat=True))
    if policy.wallet not in wallets:
        words = _("“%(what)s” names the wallet “%(wallet)s”, which the version does not have. Add its points policy.")
        yield Finding.error("unknown_wallet", place, words % {"what": policy, "wallet": policy.wallet})
    if not policy.advocate_points and not policy.friend_points:
        words = _("Referrals give nothing, neither to who refers nor to the friend. Say how many points.")
        yield Finding.error("nothing_to_give", place, words)
    yield from _link(policy, f"{place}/link")
    yield from _minimum(policy, version.program.retailer.currency, f"{place}/minimum_amount")
    if policy.budget is not None and policy.budget < policy.advocate_points + policy.friend_points:
        words = _("The budget of %(budget)s points does not pay for both rewards of one referral.")
        yield Finding.warning("budget_too_small", f"{place}/budget", words % {"budget": number_format(policy.budget)})
    if policy.waiting_days == 0:
        words = _("The rewards can be spent before the friend’s order can come back. Let them wait for some days.")
        yield Finding.warning("no_waiting", f"{place}/waiting_days", words)


def _link(policy: ReferralPolicy, place: str) -> Iterable[Finding]:
    if not policy.link:
        return
    if not is_link(policy.link):
        words = _("“%(link)s” is no address with {code} in the place of the member’s code, such as %(example)s.")
        example = "https://shop.example/invite?code={code}"
        yield Finding.error("no_link", place, words % {"link": policy.link, "example": example})
    elif urlsplit(policy.link).scheme != "https":
        yield Finding.warning("no_https", place, _("The shared address does not begin with https."))


def is_link(text: str) -> bool:
    """Tell whether a text is a web address with one place for a code, and no other."""
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
        parts = urlsplit(text)
    except ValueError:
        return False
    return names == ["code"] and parts.scheme in {"http", "https"} and bool(parts.hostname)


def _minimum(policy: ReferralPolicy, currency: str, place: str) -> Iterable[Finding]:
    amount: Decimal = policy.minimum_amount
    if amount != to_unit(amount, currency):
        words = _("The minimum amount has more decimals than amounts of %(currency)s have (%(decimals)s).")
        facts = {"currency": currency, "decimals": decimals_of(currency)}
        yield Finding.error("too_many_decimals", place, words % facts)
    if amount == 0:
        words = _("Any order earns both rewards, whatever it costs. Say a minimum amount.")
        yield Finding.warning("no_minimum", place, words)
