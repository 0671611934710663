"""The text by which staff find rows: in small letters, without accents, so that a part of it is found by an index."""

from django.db import models


class Plain(models.Func):
    """A text in small letters and without accents."""

    function = "public.customers_plain"
    output_field = models.TextField()


class PersonText(models.Func):
    """All that a customer is looked for by: its names, its e-mail address, its external id, and the digits of its phone."""

    function = "public.customers_person_text"
    output_field = models.TextField()
