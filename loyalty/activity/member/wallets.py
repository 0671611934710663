"""A member's wallets by the names that its program gives them: reads only."""

from datetime import datetime

from django.utils.translation import gettext as _

from loyalty.memberships.models import Membership
from loyalty.points.models import PointsPolicy, Wallet
from loyalty.points.state import MAIN


def wallet_names(membership: Membership, *, at: datetime) -> dict[str, str]:
    """Return the names of a member's wallets by code, the main one first; a wallet that no version names has its code."""
    version = membership.program.in_force_at(at)
    policies = PointsPolicy.objects.filter(version=version) if version else ()
    named = {policy.code: str(policy) for policy in policies}
    codes = sorted(
        Wallet.objects.filter(membership=membership).values_list("code", flat=True), key=lambda c: (c != MAIN, c)
    )
    return {code: named.get(code) or (_("points") if code == MAIN else code) for code in codes}
