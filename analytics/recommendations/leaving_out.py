"""What is no product to recommend, by the words of its category: fuel, coupons, bags and the like."""

import re
from collections.abc import Sequence

# Whole words, in English and French, in small letters and without accents.
USUAL_WORDS = (
    "fuel", "gas", "gasoline", "petrol", "diesel", "carburant", "carburants", "essence", "gazole", "coupon", "coupons",
    "voucher", "vouchers", "bon", "bons", "gift card", "gift cards", "carte cadeau", "cartes cadeaux", "bag", "bags", "sac",
    "sacs", "deposit", "deposits", "consigne", "consignes", "misc", "miscellaneous", "divers", "shipping", "postage",
    "frais de port", "livraison",
)  # fmt: skip
USUAL = re.compile(rf"\b({'|'.join(USUAL_WORDS)})\b")


def is_left_out(category: str, named: Sequence[str] | None) -> bool:
    """
    Return whether a category is not recommended.

    :param named: what the retailer leaves out; None for the usual words
    """
    said = category.strip().casefold()
    if named is None:
        return bool(USUAL.search(said))
    return said in {each.strip().casefold() for each in named}
