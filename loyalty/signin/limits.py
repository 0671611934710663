"""How often may be asked and tried: counted in a table, so it holds whatever the number of processes."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import ceil

from django.utils.translation import gettext_lazy as _

from customers.core import bulk
from customers.core.errors import DomainError
from customers.core.values import dataclass
from loyalty.signin.addresses import keyed
from loyalty.signin.models import SignInLimit

HOUR, DAY = 3_600, 86_400


class TooManySignIns(DomainError):
    """:ivar facts: `seconds` after which it may be tried again"""

    code = "too_many_signins"
    message = _("This was tried too often. Try again in {minutes} minutes.")


@dataclass(frozen=True, slots=True)
class Limit:
    """
    So many of one kind, of one subject, in each span of time; spans begin with the clock's hours and days (UTC).

    :param kind: what is counted
    :param subject: of whom or what
    """

    kind: str
    subject: str
    allowed: int
    seconds: int

    def span(self, now: datetime) -> tuple[datetime, datetime]:
        """Return when the span around an instant begins and ends."""
        begins = datetime.fromtimestamp(now.timestamp() // self.seconds * self.seconds, UTC)
        return begins, begins + timedelta(seconds=self.seconds)

    @property
    def key(self) -> str:
        return keyed("limit", self.kind, self.subject, self.seconds)


# In the order of keys: two of these that overlap wait for each other in one direction only.
COUNT = """
INSERT INTO signin_signinlimit (key, begins_at, ends_at, asked)
SELECT key, begins_at, ends_at, 1 FROM (
    SELECT unnest(%b::text[]) AS key, unnest(%b::timestamptz[]) AS begins_at, unnest(%b::timestamptz[]) AS ends_at) n
ORDER BY key
ON CONFLICT (key, begins_at) DO UPDATE SET asked = signin_signinlimit.asked + 1
RETURNING key, asked
"""


def count(limits: Iterable[Limit], *, now: datetime) -> None:
    """
    Count one more under each limit, what is refused too.

    :raises TooManySignIns: when it is more than one of them allows
    """
    by_key = {limit.key: limit for limit in limits}
    rows = [(key, *limit.span(now)) for key, limit in by_key.items()]
    asked = dict(bulk.fetch(COUNT, bulk.columns_of(rows)))
    over = [limit.span(now)[1] for key, limit in by_key.items() if asked[key] > limit.allowed]
    if over:
        seconds = max(1, ceil((max(over) - now).total_seconds()))
        raise TooManySignIns(minutes=ceil(seconds / 60), seconds=seconds)


def forget(limits: Iterable[Limit]) -> None:
    """Let the counts under some limits begin anew."""
    SignInLimit.objects.filter(key__in=[limit.key for limit in limits]).delete()
