"""Money is Decimal with its ISO 4217 currency beside it."""

from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

THOUSANDTH = Decimal("0.001")
MILLIONTH = Decimal("0.000001")

# Minor units by ISO 4217, list one (current currencies and funds), maintained by SIX Interbank Clearing for ISO:
# https://www.six-group.com/en/products-services/financial-information/data-standards.html
# Below it what left the list since 2022, because past orders of shops are in it. Metals and test codes have no minor unit.
_CURRENCIES_BY_DECIMALS = {
    0: """
        BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF
    """,
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY
        COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS
        INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR
        MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP
        STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
        ANG BGN CUC HRK SLL ZWL
    """,
    3: """
        BHD IQD JOD KWD LYD OMR TND
    """,
    4: """
        CLF UYW
    """,
}
MINOR_UNITS = {code: decimals for decimals, codes in _CURRENCIES_BY_DECIMALS.items() for code in codes.split()}
MAX_DECIMALS = max(MINOR_UNITS.values())


def decimals_of(currency: str) -> int:
    """Return how many decimals amounts of a currency have; 2 for a code that ISO 4217 does not list."""
    return MINOR_UNITS.get(currency, 2)


@lru_cache(maxsize=256)
def unit_of(currency: str) -> Decimal:
    """Return the smallest amount of a currency: 0.01 for EUR, 1 for JPY, 0.001 for KWD."""
    return Decimal(1).scaleb(-decimals_of(currency))


def to_unit(amount: Decimal, currency: str) -> Decimal:
    """Round an amount of money to its currency's decimals, half up, as a till does."""
    return amount.quantize(unit_of(currency), ROUND_HALF_UP)


def written(amount: Decimal | None, currency: str, more: int = 0) -> str:
    """
    Return an amount with its currency and in the decimals of that, as the reader writes numbers; a dash for none.

    :param more: decimals beyond those, for what is no amount that anybody pays, such as a mean
    """
    if amount is None:
        return "-"
    shown = to_unit(amount, currency) if not more else amount.quantize(unit_of(currency).scaleb(-more), ROUND_HALF_UP)
    return f"{number_format(shown + 0)} {currency}"  # -0 is 0


def to_scale(number: Decimal, scale: Decimal) -> Decimal:
    """Give a number the scale that its column has, so that equal content is written in equal digits."""
    return number.quantize(scale, ROUND_HALF_EVEN)


def validate_currency(code: str) -> None:
    """Refuse a code that ISO 4217 does not list: nobody could say how many decimals its amounts have."""
    if code not in MINOR_UNITS:
        raise ValidationError(_("“%(code)s” is no currency of ISO 4217 such as EUR."), params={"code": code})


class MoneyField(models.DecimalField[Any, Any]):
    """
    An amount of money, kept in exactly the digits in which it is written: 12.00 EUR, 12 JPY, 1.234 KWD.

    The column is a `numeric` without a scale, which rounds nothing, and whose sums cannot overflow. How large an amount may
    be is said by who reports it (`customers.facts`).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 12 + MAX_DECIMALS)
        kwargs.setdefault("decimal_places", MAX_DECIMALS)
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str | None:
        # The columns of migrations from before had two decimals; that they lose them is a migration of its own.
        return "numeric" if self.decimal_places == MAX_DECIMALS else super().db_type(connection)


class PriceField(models.DecimalField[Any, Any]):
    """The price or cost of one piece, with six decimals: more than its currency's, because an amount was divided for it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_digits", 21)
        kwargs.setdefault("decimal_places", 6)
        super().__init__(*args, **kwargs)

    def db_type(self, connection: Any) -> str:
        return "numeric"


class CurrencyField(models.CharField[Any, Any]):
    """An ISO 4217 code such as EUR."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 3)
        super().__init__(*args, **kwargs)
