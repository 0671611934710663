"""What a way out has to be."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

IsOver = Callable[[], bool]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """
    A message as it goes out.

    :param id: by which a provider that takes keys recognises it
    :param address: of whom it is for; the customer's id for those without one
    :param html: where the channel has it; empty otherwise
    :param unsubscribe: the address at which one request ends such messages; empty for service
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
    """That it was taken. :param is_final: whether it has arrived by that"""

    provider_id: str = ""
    is_final: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """
    That it will never be taken.

    :param reason: a word of ours
    :param is_address: whether the address takes nothing
    """

    reason: str
    is_address: bool = False


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
