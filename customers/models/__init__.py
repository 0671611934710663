from customers.models.change import CustomerMerge, OrderClaim, OrderRevision
from customers.models.consent import Consent
from customers.models.customer import Customer
from customers.models.erasure import Erasure
from customers.models.importing import ImportJob, ImportKind, ImportMapping
from customers.models.insight import Insight
from customers.models.interaction import Interaction
from customers.models.order import FactChange, Order, OrderEvent, OrderLine, Return, ReturnLine
from customers.models.queue import UndecidedFact
from customers.models.retailer import Retailer
from customers.models.suggestion import (
    PopularProduct,
    Product,
    RelatedProduct,
    Suggestion,
    SuggestionList,
    SuggestionReason,
)

__all__ = [
    "Consent",
    "Customer",
    "CustomerMerge",
    "Erasure",
    "FactChange",
    "ImportJob",
    "ImportKind",
    "ImportMapping",
    "Insight",
    "Interaction",
    "Order",
    "OrderClaim",
    "OrderEvent",
    "OrderLine",
    "OrderRevision",
    "PopularProduct",
    "Product",
    "RelatedProduct",
    "Retailer",
    "Return",
    "ReturnLine",
    "Suggestion",
    "SuggestionList",
    "SuggestionReason",
    "UndecidedFact",
]
