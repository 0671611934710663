"""Who is the same person, as far as an e-mail, a phone number or a signal can tell. Pure."""

import hashlib
import hmac
import re
import unicodedata

# Where dots in the name mean nothing. What follows a plus sign means nothing wherever mail is known to be sorted by it, and no
# provider is known that gives such a name to somebody else.
DOTLESS = frozenset({"gmail.com"})
SAME_DOMAIN = {"googlemail.com": "gmail.com"}
NATIONAL = 9  # digits of a phone number that are the same whether its country is written or not


def email_key(email: str) -> str:
    """Return an e-mail address as its provider tells mailboxes apart; empty for none."""
    local, at, domain = unicodedata.normalize("NFKC", email).strip().casefold().rpartition("@")
    if not at or not local:
        return ""
    domain = domain.rstrip(".")
    domain = SAME_DOMAIN.get(domain, domain)
    local = local.split("+", 1)[0] or local
    if domain in DOTLESS:
        local = local.replace(".", "")
    return f"{local}@{domain}"


def email_stem(email: str) -> str:
    """Return what is left of an address when numbers are taken out: anna1@x.org and anna2@x.org are alike; empty for none."""
    local, _, domain = email_key(email).partition("@")
    stem = re.sub(r"[\d._-]+", "", local)
    return f"{stem}@{domain}" if stem and domain else ""


def is_same_email(first: str, second: str) -> bool:
    """Tell whether two addresses lead to one mailbox."""
    return bool(email_key(first)) and email_key(first) == email_key(second)


def is_nearly_same_email(first: str, second: str) -> bool:
    """Tell whether two addresses are one but for dots, dashes and underscores, which some providers do not look at."""
    one, other = (re.sub(r"[._-]+(?=.*@)", "", email_key(each)) for each in (first, second))
    return bool(one) and one == other


def is_same_phone(first: str, second: str) -> bool:
    """Tell whether two numbers are one; where one is written without its country, by their last digits."""
    one, other = _digits(first), _digits(second)
    if not one or not other:
        return False
    if _is_international(first) and _is_international(second):
        return one == other
    return len(one) >= NATIONAL <= len(other) and one[-NATIONAL:] == other[-NATIONAL:]


def _digits(phone: str) -> str:
    digits = re.sub(r"\D", "", unicodedata.normalize("NFKC", phone).replace("(0)", ""))
    return digits.removeprefix("00")


def _is_international(phone: str) -> bool:
    return phone.strip().startswith(("+", "00"))


def signal_key(kind: str, value: str) -> str:
    """Return a signal as it is compared: letters and digits of an address in one case, all else as it was given."""
    text = unicodedata.normalize("NFKC", value).strip().casefold()
    return re.sub(r"[^\w]+", " ", text).strip() if kind == "address" else text


def digest_of(secret: str, retailer_id: int, kind: str, value: str) -> str:
    """Return what is kept of a signal: nobody reads its value from it, and of two retailers it is another one."""
    said = f"{retailer_id}\x00{kind}\x00{signal_key(kind, value)}"
    return hmac.new(secret.encode(), said.encode(), hashlib.sha256).hexdigest()
