"""The ways out: each takes a batch of messages and says of each what became of it. They know no database."""

from loyalty.campaigns.transports.port import (
    Accepted,
    Answer,
    Device,
    NoAnswer,
    NotNow,
    Outgoing,
    Refused,
    Route,
    Transport,
)

__all__ = ["Accepted", "Answer", "Device", "NoAnswer", "NotNow", "Outgoing", "Refused", "Route", "Transport"]
