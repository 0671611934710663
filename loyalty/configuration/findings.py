"""What a check finds: errors forbid to publish, warnings ask whether it is meant."""

from customers.core.values import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """
    Something to mend, or to think about.

    :param place: what it is about, such as tiers/gold
    :param message: what is wrong and what to do, in the reader's language
    """

    is_error: bool
    code: str
    place: str
    message: str

    @classmethod
    def error(cls, code: str, place: str, message: str) -> "Finding":
        return cls(is_error=True, code=code, place=place, message=message)

    @classmethod
    def warning(cls, code: str, place: str, message: str) -> "Finding":
        return cls(is_error=False, code=code, place=place, message=message)
