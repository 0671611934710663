"""What referrals hold on a person: who it was for others, which of its devices shops told of, and what staff wrote."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Section
from loyalty.referrals.models import Referral, ReferralCode, ReferralSignal


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return by whom a person was referred, whom it referred, without saying who they are, and what is known of its devices."""
    mine = Q(friend__customer__in=person.ids) | Q(advocate__customer__in=person.ids)
    rows = Referral.objects.filter(mine).select_related("program", "friend", "order").order_by("pk")
    codes = ReferralCode.objects.filter(membership__customer__in=person.ids).select_related("program").order_by("pk")
    signals = ReferralSignal.objects.filter(membership__customer__in=person.ids).order_by("pk")
    return [
        Section(
            "referral_codes",
            _("Your codes for friends"),
            [{"program": row.program.slug, "code": row.code, "drawn_at": row.drawn_at} for row in codes],
        ),
        Section("referrals", _("Referrals"), [_said(row, person) for row in rows]),
        Section(
            "referral_signals",
            _("Digests of what shops told of your devices and addresses"),
            list(signals.values("kind", "digest", "seen_at")),
        ),
    ]


def _said(row: Referral, person: Person) -> dict[str, Any]:
    is_friend = row.friend.customer_id in person.ids
    return {
        "program": row.program.slug, "you_are": "friend" if is_friend else "referrer", "code": row.code,
        "status": row.status, "reason": row.reason, "claimed_at": row.claimed_at, "earned_at": row.earned_at,
        **({"score": row.score, "suspicions": row.suspicions, "note": row.review_note} if is_friend else {}),
    }  # fmt: skip


def erase(person: Person, _now: datetime) -> None:
    """Keep what was earned by whom, without codes that lead to the person, digests of its devices, and what staff wrote."""
    ReferralSignal.objects.filter(membership__customer__in=person.ids).delete()
    codes = ReferralCode.objects.filter(membership__customer__in=person.ids)
    person.renamed.update(dict.fromkeys(codes.values_list("code", flat=True), ""))
    codes.delete()
    Referral.objects.filter(advocate__customer__in=person.ids).update(code="")
    theirs = Q(friend__customer__in=person.ids) | Q(advocate__customer__in=person.ids)
    Referral.objects.filter(theirs).update(suspicions=[], review_note="")


PART = Part(
    "referrals", ("referrals_referral", "referrals_referralcode", "referrals_referralsignal"), holds=holds, erase=erase,
)  # fmt: skip
