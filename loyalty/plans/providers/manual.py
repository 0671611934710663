"""No provider: the fee is paid at a till or by transfer, and a person says so."""

from collections.abc import Mapping
from datetime import datetime

from loyalty.plans.providers.port import Answer, Charge, Notice, Return, Status, WrongSignature


class ManualProvider:
    """Waits for a person, who takes the money and notes it."""

    name = "manual"
    is_asked = False

    def charge(self, charge: Charge, *, now: datetime) -> Answer:
        return Answer(Status.WAITING)

    def give_back(self, back: Return, *, now: datetime) -> Answer:
        return Answer(Status.WAITING)

    def read(self, headers: Mapping[str, str], body: bytes, *, now: datetime) -> Notice:
        raise WrongSignature
