"""Who of the demo's members was referred by whom: said as they enrol, earned by real first orders, the same each time."""

from loyalty.activity.account.referring import claim_referral, note_member_signals
from loyalty.memberships.models import Membership
from loyalty.programs.models import Program
from loyalty.referrals.codes import code_of
from loyalty.referrals.models import Referral

# Of the members in the order of their enrolment every third came by the one some places before; of those every fifth from
# a device that its referrer uses, too.
EVERY, BEFORE, SHARED = 3, 2, 5


def claim(club: Program) -> None:
    """Let members say who referred them, before what they bought is decided; once."""
    if Referral.objects.filter(program=club).exists():
        return
    found = Membership.objects.filter(program=club, left_at=None).order_by("enrolled_at", "customer_id")
    members = list(found.select_related("program", "customer"))
    for place, friend in enumerate(members[EVERY::EVERY]):
        referrer, at = members[(place + 1) * EVERY - BEFORE], friend.enrolled_at
        signals = {"device": f"tablet of {referrer.number}"} if place % SHARED == 1 else {}
        note_member_signals(referrer, signals, now=at)
        # As of that very moment: what both did afterwards is decided after it.
        claim_referral(friend, code_of(referrer, now=at), channel="enrolment", now=at, signals=signals)
