"""What staff say of a member's points before anything happens to them."""

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from customers.core.admin import SelectWidget, TextInputWidget
from customers.core.ids import new_id
from loyalty.activity.staff import ReasonForm

MAX_POINTS = 10**12
MINUTES, MAX_MINUTES = 60, 7 * 24 * 60  # of a hold


def _whole(label: Any, low: int, high: int, **given: Any) -> forms.IntegerField:
    return forms.IntegerField(
        label=label, min_value=low, max_value=high, widget=TextInputWidget({"type": "number"}), **given
    )


class OnceForm(ReasonForm):
    """Carries a key of its own: what is sent twice is done once."""

    key = forms.UUIDField(widget=forms.HiddenInput(), initial=new_id)


class WalletForm(OnceForm):
    """Of which wallet; not asked where there is one."""

    wallet = forms.ChoiceField(label=_("wallet"), widget=SelectWidget())
    wallets: Mapping[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["wallet"]
        field.choices = list(self.wallets.items())
        field.initial = next(iter(self.wallets), None)
        if len(self.wallets) < 2:  # noqa: PLR2004 - with one there is nothing to choose
            field.widget = forms.HiddenInput()


class AdjustForm(WalletForm):
    points = _whole(_("points, or negative to take them"), -MAX_POINTS, MAX_POINTS)
    field_order = ("wallet", "points", "reason")


class RedeemForm(WalletForm):
    points = _whole(_("points"), 1, MAX_POINTS)
    field_order = ("wallet", "points", "reason")


class HoldForm(WalletForm):
    points = _whole(_("points"), 1, MAX_POINTS)
    minutes = _whole(_("minutes until they go back by themselves"), 1, MAX_MINUTES, initial=MINUTES)
    field_order = ("wallet", "points", "minutes", "reason")


class WhichForm(ReasonForm):
    """Which of several things it is about."""

    which = forms.ChoiceField(widget=SelectWidget())
    choices: Iterable[tuple[str, str]] = ()
    label: Any = ""
    field_order = ("which", "points", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["which"]
        field.choices, field.label = list(self.choices), self.label


class ConfirmForm(WhichForm):
    points = _whole(_("points; empty for all of them"), 1, MAX_POINTS, required=False)


def of_wallets(form: type[WalletForm], wallets: Mapping[str, str]) -> type[WalletForm]:
    """Return a form that asks for one of some wallets."""
    return type(form.__name__, (form,), {"wallets": wallets})


def of_choices(form: type[WhichForm], label: Any, choices: Iterable[tuple[str, str]]) -> type[WhichForm]:
    """Return a form that asks for one of some things."""
    return type(form.__name__, (form,), {"choices": list(choices), "label": label})
