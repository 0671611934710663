"""What somebody reads who saves beside somebody else: what only the database can refuse is the form's error as well."""

from typing import Any

from django.db import IntegrityError
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from psycopg.errors import ForeignKeyViolation, UniqueViolation

SAID = {
    UniqueViolation: _(
        "There is one like this already: somebody may have saved it a moment ago. Nothing was saved. Look at what is there,"
        " and change that one."
    ),
    ForeignKeyViolation: _(
        "Something that this names is not there any more: somebody may have removed it a moment ago. Nothing was saved."
        " Choose anew."
    ),
}


class ClashesInWords:
    """
    An admin whose forms say what the database alone refuses; it stands before one.

    A form looks for another row before it is saved: of two that are saved at once neither finds the other, and where a
    part of what must be unique is in no form, nobody looks at all.
    """

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show the form again, with what was said, where the database refuses it for what others have done."""
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc,no-any-return] # of an admin
        except IntegrityError as error:
            words = SAID.get(type(error.__cause__))  # type: ignore[arg-type] # what else it may be is a bug of ours
            if words is None or hasattr(request, "clash"):
                raise
        request.clash = words  # type: ignore[attr-defined] # kept for the form, which is asked anew
        for file in request.FILES.values():
            file.seek(0)  # type: ignore[union-attr] # its stubs know of none sent twice
        return self.changeform_view(request, *args, **kwargs)  # once more, as it is now that the other row is there

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> type[ModelForm[Any]]:
        form: type[ModelForm[Any]] = super().get_form(request, *args, **kwargs)  # type: ignore[misc] # of an admin
        words = getattr(request, "clash", None)
        return form if words is None else _refusing(form, words)


def _refusing(form: type[ModelForm[Any]], words: Any) -> type[ModelForm[Any]]:
    """Return a form that is never valid: it says what it finds now that the other row is there, or else these words."""

    class Refusing(form):  # type: ignore[valid-type,misc] # of the form that is given
        def _post_clean(self) -> None:
            super()._post_clean()
            if not self.errors:
                self.add_error(None, words)

    return Refusing
