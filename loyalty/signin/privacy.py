"""What sign-in holds on a person: browsers in which it is signed in, and codes on their way."""

from datetime import datetime

from django.utils.translation import gettext as _

from customers.privacy import Part, Person, Section
from loyalty.signin.models import MemberSession, SignInCode


def holds(person: Person, _now: datetime) -> list[Section]:
    """Return where a person is signed in, and when it asked for codes; their texts are not kept."""
    sessions = MemberSession.objects.filter(customer__in=person.ids).order_by("pk")
    codes = SignInCode.objects.filter(customer__in=person.ids).order_by("asked_at")
    return [
        Section("sessions", _("Where you are signed in"), sessions.values("began_at", "seen_at", "ends_at")),
        Section("sign_in_codes", _("Codes that you asked for"), codes.values("asked_at", "used_at", "tries")),
    ]


def erase(person: Person, _now: datetime) -> None:
    """Sign a person out everywhere, and let no code that is on its way sign it in."""
    MemberSession.objects.filter(customer__in=person.ids).delete()
    SignInCode.objects.filter(customer__in=person.ids).delete()


PART = Part("signin", ("signin_membersession", "signin_signincode", "signin_signinlimit"), holds=holds, erase=erase)
