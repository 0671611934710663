"""The member's own inbox: what is kept here has arrived."""

from collections.abc import Iterator, Sequence

from loyalty.campaigns.transports.port import Accepted, Answer, IsOver, Outgoing, Route


class InboxTransport:
    def send(self, _route: Route, batch: Sequence[Outgoing], _is_over: IsOver) -> Iterator[tuple[Outgoing, Answer]]:
        """Take all: who settles them keeps them."""
        for message in batch:
            yield message, Accepted(is_final=True)
