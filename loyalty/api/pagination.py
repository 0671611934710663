from rest_framework.pagination import CursorPagination


class NewestFirst(CursorPagination):
    """Pages that do not move when something new arrives: `next` and `previous` are addresses."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "page_size"


class NewestOccurredFirst(NewestFirst):
    """The same by the clock of what happened."""

    ordering = ("-occurred_at", "-id")  # type: ignore[assignment] # several columns are a tuple
