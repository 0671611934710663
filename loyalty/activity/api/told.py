"""What a caller told a member of a price before it asks for what that price is for."""

from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind


class PriceChanged(DomainError):
    code = "price_changed"
    kind = Kind.CONFLICT
    message = _("“{field}” says {told}, and it is {now} now. Nothing was done: show that to the member, and ask again.")


def require_told(field: str, told: Decimal | int | None, now: Decimal | int | None) -> None:
    """
    Refuse what costs or gives something else than was told; where nothing is told, nothing is asked.

    :param field: by which it was told
    :raises PriceChanged: when it is another now
    """
    if told is not None and told != now:
        raise PriceChanged(field=field, told=_written(told), now=_written(now))


def _written(number: Decimal | int | None) -> str:
    return "-" if number is None else f"{number:f}" if isinstance(number, Decimal) else str(number)
