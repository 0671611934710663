"""What is over is deleted: what is not kept cannot be lost."""

from datetime import datetime, timedelta

from loyalty.api.models import MemberToken
from loyalty.signin.models import MemberSession, SignInCode, SignInLimit
from loyalty.signin.sessions import live

CODES_KEPT = timedelta(days=1)


def forget_old(*, now: datetime) -> None:
    """Delete codes a day after they were asked for, and counts, sessions and tokens when they have ended."""
    SignInCode.objects.filter(asked_at__lt=now - CODES_KEPT).delete()
    SignInLimit.objects.filter(ends_at__lte=now).delete()
    MemberSession.objects.exclude(live(now)).delete()
    MemberToken.objects.filter(expires_at__lte=now).delete()
