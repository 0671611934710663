"""What a way out has to be."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from customers.core.values import dataclass

IsOver = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Device:
    """
    What shows push messages.

    :param address: where a browser's messages are posted, or an app's token
    :param p256dh: a browser's public key, as Base64 for addresses; empty of an app, as `auth`
    :param auth: the secret that a browser shares
    """

    id: UUID
    address: str
    p256dh: str = ""
    auth: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    A message as it goes out.

    :param id: by which a provider that takes keys recognises it
    :param address: of whom it is for; the customer's id for those without one
    :param html: where the channel has it; empty otherwise
    :param unsubscribe: the address at which one request ends such messages; empty for service
    :param devices: on which a push message is shown
    :param expires_at: from which on nobody is to read it; None for ever
    """

    id: UUID
    kind: str
    address: str
    language: str
    subject: str
    text: str
    html: str = ""
    button: str = ""
    link: str = ""
    unsubscribe: str = ""
    devices: tuple[Device, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """
    By which settings a retailer's messages go.

    :param sender: what people see as the sender
    :param secret: signs what is posted
    """

    retailer: str
    channel: str
    sender: str = ""
    reply_to: str = ""
    url: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Accepted:
    """
    That it was taken.

    :param is_final: whether it has arrived by that
    :param gone: the devices that are none any more
    """

    provider_id: str = ""
    is_final: bool = False
    gone: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """
    That it will never be taken.

    :param reason: a word of ours
    :param is_address: whether the address takes nothing
    :param gone: the devices that are none any more
    """

    reason: str
    is_address: bool = False
    gone: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class NotNow:
    """That it was certainly not taken, and may be later. :param reason: a word of ours"""

    reason: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """That nobody knows whether it was taken."""


Answer = Accepted | Refused | NotNow | NoAnswer


class Transport(Protocol):
    """A way out."""

    def send(self, route: Route, batch: Sequence[Outgoing], is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        """
        Send messages, and yield what became of each as soon as it is known.

        :param is_over: asked before each: what is not begun by then is answered NotNow
        """
        ...
