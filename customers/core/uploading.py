"""A form's field for an image file beside the field that keeps its name, for all that shows a picture."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.core.admin import FileWidget
from customers.core.errors import DomainError
from customers.core.images import store_image


class PictureForm(forms.ModelForm[Any]):
    """Takes an image as a file, too, which is stored when all of the form is right."""

    pictured: ClassVar[str] = "image"  # the field that keeps its name

    picture = forms.FileField(
        label=_("image file"),
        required=False,
        help_text=_("JPEG, PNG or WebP of 5 MB at most; takes the place of the address."),
        widget=FileWidget({"accept": "image/jpeg,image/png,image/webp"}),
    )

    def owner(self) -> int:
        """Return the key of the retailer whose image it is."""
        raise NotImplementedError  # each form knows by which of its fields

    def clean_picture(self) -> bytes:
        """Return the image as it will be stored; empty where none was uploaded."""
        from customers.core.pictures import read_picture  # noqa: PLC0415 - loaded where images come in alone

        file = self.cleaned_data["picture"]
        try:
            return read_picture(file) if file else b""
        except DomainError as error:
            raise forms.ValidationError(str(error), code=error.code) from error

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's signature
        if content := self.cleaned_data["picture"]:
            setattr(self.instance, self.pictured, store_image(self.owner(), content))
        return super().save(commit)
