"""Devices on which customers see push messages: registered by themselves, each of whoever registered it last."""

from datetime import datetime
from hmac import compare_digest
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric import ec
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from customers.core.errors import DomainError, Kind
from customers.core.values import dataclass
from customers.models import Customer, Retailer
from loyalty.campaigns.models import MessageChannel, PushDevice
from loyalty.campaigns.models.device import MAX_ADDRESS
from loyalty.campaigns.models.words import Channel
from loyalty.campaigns.reaching.preferences import PersonErased, lock_present
from loyalty.campaigns.transports.push_keys import flaw_of_settings, public_key, to_bytes, to_text
from loyalty.outbox.posting import NotTaken, origin_of

MAX_DEVICES = 10  # of a customer: the one that was registered first goes
SECRET_BYTES = 16


class NoPush(DomainError):
    code = "push_not_in_use"
    kind = Kind.REFUSED
    message = _("This retailer sends no push messages to devices of the kind “{kind}”. Look at GET /me/push-devices.")


class InvalidDevice(DomainError):
    code = "invalid_device"
    kind = Kind.INVALID
    message = _("{name} is not what it has to be: give what the browser’s subscription says.")


@dataclass(frozen=True, slots=True)
class DeviceFact:
    """
    A device as it tells of itself.

    :param kind: web or app
    :param address: the endpoint of a browser's subscription, or an app's token
    :param p256dh: of a browser: its public key, 65 bytes as Base64 for addresses; as `auth`, of 16 bytes
    """

    kind: str
    address: str
    p256dh: str = ""
    auth: str = ""


@dataclass(frozen=True, slots=True)
class Registered:
    """:param is_new: False where it was this customer's before"""

    device: PushDevice
    is_new: bool


def kind_in_use(retailer_id: int) -> str:
    """Return to which kind of devices a retailer sends: web, app, or empty for none."""
    channel = MessageChannel.objects.filter(retailer=retailer_id, channel=Channel.PUSH, is_active=True).first()
    if channel is None or (channel.device_kind == PushDevice.Kind.WEB and flaw_of_settings()):
        return ""
    return channel.device_kind


def server_key(retailer_id: int) -> str:
    """Return the key under which browsers subscribe to a retailer's messages; empty where it sends them none."""
    return public_key() if kind_in_use(retailer_id) == PushDevice.Kind.WEB else ""


def devices_of(customer: Customer) -> QuerySet[PushDevice]:
    """Return a customer's devices, and those of who was merged into it."""
    return PushDevice.objects.filter(customer__in=Customer.objects.of_person(customer))


@transaction.atomic
def register(customer: Customer, fact: DeviceFact, *, now: datetime) -> Registered:
    """
    Let a device show a customer's messages, and nobody else's; the same again changes nothing but its keys.

    :raises NoPush: where its retailer sends to none of the kind
    :raises InvalidDevice: for what cannot be one
    :raises PersonErased: where the customer was erased meanwhile
    """
    _check(fact)
    if kind_in_use(customer.retailer_id) != fact.kind:
        raise NoPush(kind=fact.kind)
    lock_present(customer)
    about = {"kind": fact.kind, "p256dh": fact.p256dh, "auth": fact.auth}
    own = devices_of(customer).filter(address=fact.address)
    if own.update(**about):
        return Registered(own.get(), is_new=False)
    device, _is_made = PushDevice.objects.update_or_create(
        retailer_id=customer.retailer_id,
        address=fact.address,
        defaults={"customer": customer, "created_at": now} | about,
    )
    _keep_newest(customer)
    return Registered(device, is_new=True)


@dataclass(frozen=True, slots=True)
class KnownBy:
    """
    What a browser was known by: its former endpoint, with the secret that it has shared with this site alone.

    A push service knows the one and not the other, so who has both is that browser.
    """

    address: str
    auth: str


@transaction.atomic
def renew(retailer: Retailer, before: KnownBy, fact: DeviceFact) -> bool:
    """
    Let a browser that was subscribed anew show what it showed before; the same again changes nothing.

    Where its new endpoint is registered by now, whoever did that has it; the former one, to which nothing goes any more, is gone.

    :returns: whether there is such a browser; False also for one whose customer was erased meanwhile
    :raises InvalidDevice: for what cannot be a browser
    """
    _check(fact)
    found = _known_by(retailer, before)
    if found is None:
        after = KnownBy(fact.address, fact.auth)
        return before != after and _known_by(retailer, after) is not None
    try:
        lock_present(found.customer)
    except PersonErased:
        return False
    device = PushDevice.objects.select_for_update().filter(pk=found.pk, address=before.address).first()
    if device is None:  # its service said that it is gone, or it was renewed at this moment
        return _known_by(retailer, KnownBy(fact.address, fact.auth)) is not None
    if PushDevice.objects.filter(retailer=retailer, address=fact.address).exclude(pk=device.pk).exists():
        device.delete()
    else:
        device.address, device.p256dh, device.auth = fact.address, fact.p256dh, fact.auth
        device.save(update_fields=["address", "p256dh", "auth"])
    return True


def _known_by(retailer: Retailer, known_by: KnownBy) -> PushDevice | None:
    if not _may_be_kept(known_by.address):
        return None
    own = PushDevice.objects.select_related("customer").filter(
        retailer=retailer, address=known_by.address, kind=PushDevice.Kind.WEB
    )
    device = own.first()
    is_known = device is not None and compare_digest(device.auth.encode(), known_by.auth.encode())
    return device if is_known else None


def _keep_newest(customer: Customer) -> None:
    rows = devices_of(customer).order_by("-created_at", "-pk").values_list("pk", flat=True)
    PushDevice.objects.filter(pk__in=list(rows[MAX_DEVICES:])).delete()


def _check(fact: DeviceFact) -> None:
    if not _may_be_kept(fact.address) or (fact.kind == PushDevice.Kind.WEB and not _leads_to_a_service(fact.address)):
        raise InvalidDevice(name="endpoint")
    if fact.kind == PushDevice.Kind.APP:
        return
    if len(_decoded("auth", fact.auth)) != SECRET_BYTES:
        raise InvalidDevice(name="auth")
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded("p256dh", fact.p256dh))
    except ValueError:
        raise InvalidDevice(name="p256dh") from None


def _may_be_kept(address: str) -> bool:
    return 0 < len(address) <= MAX_ADDRESS and address.isascii() and address.isprintable()


def _leads_to_a_service(address: str) -> bool:
    """Tell whether a browser's address is one to which anything can be posted: whose service can be named in what is signed."""
    try:
        return origin_of(address).startswith("https://") and "#" not in address
    except NotTaken:
        return False


def _decoded(name: str, text: str) -> bytes:
    """Return a key's bytes. :raises InvalidDevice: for what the database would not take as one either"""
    try:
        found = to_bytes(text)
    except ValueError:
        raise InvalidDevice(name=name) from None
    if to_text(found) != text:
        raise InvalidDevice(name=name)
    return found


@transaction.atomic
def unregister(customer: Customer, *, device_id: UUID | None = None, address: str = "") -> bool:
    """Let a device of a customer's show it nothing more, named by its id or its address. Return whether there was one."""
    if device_id is None and not _may_be_kept(address):
        return False
    named = Q(pk=device_id) if device_id is not None else Q(address=address)
    deleted, _of_tables = devices_of(customer).filter(named).delete()
    return bool(deleted)
