"""
A shopper proves that an e-mail address is theirs, by a code that is mailed to it.

Whoever asks gets the same answer whether or not a customer has the address, after the same statements: a worker mails later.
The code is not kept, not even as a hash of which six digits would soon be found: it follows from the row's id and a key that
only the site has. It is good for ten minutes, five tries and one use, by who holds the id, which the mail does not name.
"""

from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

from customers.core import bulk, tenancy
from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.models import Customer, Retailer
from loyalty.signin.addresses import keyed, normalise
from loyalty.signin.limits import DAY, HOUR, Limit, count
from loyalty.signin.models import SignInCode

DIGITS = 6
CODE_LIFE = timedelta(minutes=10)
MAX_TRIES = 5
# NIST SP 800-63B allows a hundred wrong tries of a six-digit secret in a row. An address gets 20 codes a day of 5 tries each.
CODES_OF_ADDRESS, CODES_OF_ADDRESS_A_DAY = 5, 20
CODES_OF_CLIENT, TRIES_OF_CLIENT = 30, 100


class NotSetUp(DomainError):
    code = "signin_not_set_up"
    message = _("Nobody can sign in by e-mail here: this site sends no mail. Its operator sets EMAIL_URL.")


class WrongCode(DomainError):
    code = "wrong_code"
    message = _("This is not the code that was sent. You can try it {left} more times.")


class CodeOver(DomainError):
    code = "code_over"
    message = _("This code is not valid any more. Ask for a new one.")


class SeveralCustomers(DomainError):
    code = "several_customers"
    kind = Kind.CONFLICT
    message = _(
        "Several customers of {retailer} have this e-mail address, so it does not say who you are. Ask the shop to merge them, "
        "if all are you, or to give each its own address."
    )


@dataclass(frozen=True, slots=True)
class AskedCode:
    """
    That a code was asked for.

    :param challenge: what the asker sends back with the code; it proves nothing without it
    """

    challenge: UUID
    expires_at: datetime


def send_code(retailer: Retailer, email: str, *, now: datetime, language: str = "", client: str = "") -> AskedCode:
    """
    Let a code be mailed to an address, if exactly that is a customer's; the answer does not tell.

    :param language: of the asker, for a customer whose language is not known
    :param client: the address of who asks (`loyalty.api.clients`)
    :raises NotAnAddress: for what is none
    :raises TooManySignIns: when it is asked too often for the address, by the client or of the retailer
    :raises NotSetUp: where no mail is sent
    """
    if not settings.SENDS_MAIL:
        raise NotSetUp
    address = normalise(email)
    digest = keyed("address", retailer.pk, address)
    count(
        [
            Limit("codes", digest, CODES_OF_ADDRESS, HOUR),
            Limit("codes", digest, CODES_OF_ADDRESS_A_DAY, DAY),
            Limit("codes of client", client, CODES_OF_CLIENT, HOUR),
            Limit("codes of retailer", str(retailer.pk), settings.SIGNIN_CODES_PER_HOUR, HOUR),
        ],
        now=now,
    )
    with tenancy.acting_for(retailer.pk):
        customer = _customers_at(retailer, address)[:1]
        made = SignInCode.objects.create(
            retailer=retailer,
            address=digest,
            customer=customer[0] if customer else None,
            language=language if language in Retailer.Language.values else "",
            asked_at=now,
            expires_at=now + CODE_LIFE,
            mail_due_at=now if customer else None,
        )
    return AskedCode(made.pk, made.expires_at)


# Counted before anything is compared, by one statement: of tries at the same moment each counts.
TRY = """
UPDATE signin_signincode SET tries = tries + 1
WHERE id = %s AND retailer_id = %s AND used_at IS NULL AND expires_at > %s AND tries < %s
RETURNING tries, address, customer_id
"""
USE = "UPDATE signin_signincode SET used_at = %s, mail_due_at = NULL WHERE id = %s AND used_at IS NULL"


def check_code(retailer: Retailer, challenge: UUID | str, code: str, *, now: datetime, client: str = "") -> Customer:
    """
    Return the customer who has proved its address; the code is used up by that.

    :param challenge: that of `send_code`
    :param code: as it was typed: blanks and hyphens in it do not matter
    :raises WrongCode: when it is another one
    :raises CodeOver: when it is too late, was used, or was tried too often
    :raises SeveralCustomers: when more than one customer of the retailer has the address
    :raises TooManySignIns: when the client tries too often
    """
    count([Limit("tries of client", client, TRIES_OF_CLIENT, HOUR)], now=now)
    with tenancy.acting_for(retailer.pk):
        key = _key_of(challenge)
        found = bulk.fetch(TRY, [key, retailer.pk, now, MAX_TRIES])
        if not found:
            raise CodeOver
        ((tries, digest, customer_id),) = found
        typed = "".join(each for each in code if each not in " -\u00a0\u2011")
        if not constant_time_compare(typed.encode(), code_of(key).encode()) or customer_id is None:
            raise WrongCode(left=MAX_TRIES - tries)
        if not bulk.change(USE, [now, key]):
            raise CodeOver
        return _customer(retailer, customer_id, digest)


def code_of(challenge: UUID) -> str:
    """Return the code of a row: six digits of a keyed hash of its id."""
    digest = salted_hmac("loyalty.signin.code", str(challenge), algorithm="sha256").digest()
    return f"{int.from_bytes(digest) % 10**DIGITS:0{DIGITS}}"  # of 2**256 some hundred millionths more of one than of another


def _customer(retailer: Retailer, customer_id: UUID, digest: str) -> Customer:
    """
    Return who has the address that a code was mailed to.

    :raises CodeOver: when nobody has it any more
    :raises SeveralCustomers: when it is not one
    """
    mailed = Customer.objects.select_related("merged_into").get(pk=customer_id)
    email = (mailed.merged_into or mailed).email.lower()
    if keyed("address", retailer.pk, email) != digest:
        raise CodeOver
    found = _customers_at(retailer, email)
    if len(found) != 1:
        raise SeveralCustomers(retailer=retailer.name)
    return found[0]


def _customers_at(retailer: Retailer, address: str) -> list[Customer]:
    """Return up to two customers with an address: who they are matters only where it is one."""
    known = Customer.objects.persons().filter(retailer=retailer).at_address(address, retailer)
    return list(known.order_by("pk")[:2])


def _key_of(challenge: UUID | str) -> UUID:
    try:
        return challenge if isinstance(challenge, UUID) else UUID(challenge)
    except ValueError as error:
        raise CodeOver from error
