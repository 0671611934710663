"""What referrals hold on a person: its code, whom it referred or by whom it came, and signs of devices and addresses."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Section
from loyalty.referrals.models import Referral, ReferralCode, ReferralSignal

OF_REFERRAL = ("code", "channel", "status", "reason", "claimed_at", "earned_at", "pending_until")


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return a person's code and referrals, without who the others are: that is theirs."""
    ids = person.ids
    codes = ReferralCode.objects.filter(membership__customer__in=ids).order_by("pk")
    signals = ReferralSignal.objects.filter(membership__customer__in=ids).order_by("pk")
    made = Referral.objects.filter(advocate__customer__in=ids).order_by("pk")
    came = Referral.objects.filter(friend__customer__in=ids).order_by("pk")
    return [
        Section("referral_codes", _("Your code for friends"), codes.values("code", "drawn_at")),
        Section("referrals_made", _("Friends whom you referred"), made.values(*OF_REFERRAL)),
        Section("referrals_of", _("How you were referred"), came.values(*OF_REFERRAL)),
        Section("referral_signals", _("Signs of your devices and addresses"), signals.values("kind", "seen_at")),
    ]  # fmt: skip


def _theirs(person: Person) -> Any:
    return Referral.objects.filter(Q(advocate__customer__in=person.ids) | Q(friend__customer__in=person.ids))


def erase(person: Person, _now: datetime) -> None:
    """Keep what referrals earned, without the code, the signs of devices and addresses, and what was found of them."""
    ReferralSignal.objects.filter(membership__customer__in=person.ids).delete()
    codes = ReferralCode.objects.filter(membership__customer__in=person.ids)
    person.renamed.update(dict.fromkeys(codes.values_list("code", flat=True), ""))
    codes.delete()
    Referral.objects.filter(advocate__customer__in=person.ids).update(code="")
    _theirs(person).update(suspicions=[], review_note="")


PART = Part(
    "referrals", ("referrals_referralcode", "referrals_referral", "referrals_referralsignal"), holds=holds, erase=erase
)
