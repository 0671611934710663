from customers.models.change import CustomerMerge, OrderClaim, OrderRevision
from customers.models.consent import Consent
from customers.models.customer import Customer
from customers.models.erasure import Erasure
from customers.models.importing import ImportJob
from customers.models.insight import Insight
from customers.models.interaction import Interaction
from customers.models.order import FactChange, Order, OrderEvent, OrderLine, Return, ReturnLine
from customers.models.queue import UndecidedFact
from customers.models.retailer import Retailer

__all__ = [
    "Consent",
    "Customer",
    "CustomerMerge",
    "Erasure",
    "FactChange",
    "ImportJob",
    "Insight",
    "Interaction",
    "Order",
    "OrderClaim",
    "OrderEvent",
    "OrderLine",
    "OrderRevision",
    "Retailer",
    "Return",
    "ReturnLine",
    "UndecidedFact",
]
