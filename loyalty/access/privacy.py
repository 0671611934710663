"""What the admin's log of changes says of a person: the names under which its rows were shown."""

from datetime import datetime

from django.contrib.admin.models import LogEntry
from django.db.models import Q

from customers.models import Order
from customers.privacy import Part, Person


def erase(person: Person, _now: datetime) -> None:
    """Let the log say that something was changed, and not whose it was, nor why."""
    orders = Order.objects.filter(customer__in=person.ids).values_list("pk", flat=True)
    keys = [str(key) for key in (*person.ids, *orders)]
    rows = Q(content_type__app_label="customers", object_id__in=keys) | Q(object_repr__in=list(person.renamed))
    LogEntry.objects.filter(rows).update(object_repr="", change_message="")


PART = Part("access", ("django_admin_log",), erase=erase)
