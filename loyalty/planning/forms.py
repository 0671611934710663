"""Forms in which a retailer shapes a draft."""

import json
from typing import Any, ClassVar

from django import forms
from django.contrib.postgres.forms import SimpleArrayField
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from customers.core.admin import SmallTextareaWidget, SplitDateTimeWidget, TextInputWidget
from customers.core.uploading import PictureForm
from loyalty.badges.models import Badge, Board, Challenge
from loyalty.configuration.wording import SEGMENT_NAMES
from loyalty.engine.profile import SEGMENTS
from loyalty.plans.models import PaidPlan
from loyalty.points.conditions import WEEKDAYS
from loyalty.points.models import EarningGroup, EarningRule, PointsPolicy
from loyalty.points.models.policy import validate_condition
from loyalty.rewards.models import Reward
from loyalty.tiers.models import Tier

LISTS = {
    "categories": "category", "brands": "brand", "channels": "channel", "stores": "store", "in_tiers": "tier",
    "in_plans": "plan", "in_segments": "segment",
}  # fmt: skip
DAY_NAMES = (_("Mon"), _("Tue"), _("Wed"), _("Thu"), _("Fri"), _("Sat"), _("Sun"))


def _texts(label: Any) -> SimpleArrayField:
    return SimpleArrayField(forms.CharField(max_length=100), required=False, widget=TextInputWidget(), label=label)


class TierForm(forms.ModelForm[Tier]):
    class Meta:
        model = Tier
        exclude = ("version",)  # noqa: DJ006 - every field but the one that the page gives
        widgets: ClassVar = {"benefits": SmallTextareaWidget(), "benefits_fr": SmallTextareaWidget()}


class PaidPlanForm(forms.ModelForm[PaidPlan]):
    class Meta:
        model = PaidPlan
        exclude = ("version",)  # noqa: DJ006 - every field but the one that the page gives
        widgets: ClassVar = {"benefits": SmallTextareaWidget(), "benefits_fr": SmallTextareaWidget()}


class OfVersionWithPicture(PictureForm):
    """A part of a draft that shows a picture."""

    def owner(self) -> int:
        return int(self.instance.version.program.retailer_id)


class RewardForm(OfVersionWithPicture):
    class Meta:
        model = Reward
        exclude = ("version",)


class BadgeForm(OfVersionWithPicture):
    class Meta:
        model = Badge
        exclude = ("version",)


class ChallengeForm(OfVersionWithPicture):
    class Meta:
        model = Challenge
        exclude = ("version",)


class BoardForm(OfVersionWithPicture):
    class Meta:
        model = Board
        exclude = ("version",)


class EarningGroupForm(forms.ModelForm[EarningGroup]):
    class Meta:
        model = EarningGroup
        exclude = ("version",)  # noqa: DJ006 - every field but the one that the page gives


class EarningRuleForm(forms.ModelForm[EarningRule]):
    """Asks for the usual conditions one by one; what they cannot say stands in the tree beside them."""

    categories = _texts(_("only these categories"))
    brands = _texts(_("only these brands"))
    channels = _texts(_("only these channels"))
    stores = _texts(_("only these stores"))
    in_tiers = _texts(_("only members of these tiers (codes)"))
    in_plans = _texts(_("only members with these paid plans (codes)"))
    in_segments = forms.MultipleChoiceField(
        label=_("only these segments (members who agreed to a profile)"),
        required=False,
        choices=[(code, SEGMENT_NAMES[code]) for code in SEGMENTS],
        widget=forms.CheckboxSelectMultiple(),
    )
    weekdays = forms.MultipleChoiceField(
        label=_("only on"),
        required=False,
        choices=list(zip(WEEKDAYS, DAY_NAMES, strict=True)),
        widget=forms.CheckboxSelectMultiple(),
    )
    first_day = forms.DateField(label=_("from the day"), required=False, widget=TextInputWidget({"type": "date"}))
    last_day = forms.DateField(label=_("through the day"), required=False, widget=TextInputWidget({"type": "date"}))
    first_time = forms.TimeField(label=_("from (time)"), required=False, widget=TextInputWidget({"type": "time"}))
    last_time = forms.TimeField(label=_("until (time)"), required=False, widget=TextInputWidget({"type": "time"}))
    more = forms.CharField(
        label=_("further conditions (JSON)"),
        required=False,
        widget=SmallTextareaWidget(),
        help_text=_("A tree of all, any, not and fields, as the document’s schema says."),
    )

    class Meta:
        model = EarningRule
        exclude = ("version", "condition")  # noqa: DJ006 - the page gives the one, the fields above the other

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        simple, rest = apart(self.instance.condition or {})
        for name, value in simple.items():
            self.fields[name].initial = value
        self.fields["more"].initial = json.dumps(rest, ensure_ascii=False) if rest else ""

    def clean_more(self) -> Any:
        text = self.cleaned_data["more"].strip()
        try:
            said = json.loads(text) if text else {}
        except ValueError as error:  # of a number of thousands of digits too
            raise forms.ValidationError(_("This is no JSON: %(why)s"), params={"why": error}) from error
        except RecursionError as error:
            raise forms.ValidationError(_("This is nested too deep.")) from error
        validate_condition(said)
        return said

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "more" in cleaned:
            self.instance.condition = together(cleaned)
            try:
                validate_condition(self.instance.condition)  # each part may be right, and all of them too much
            except forms.ValidationError as error:
                self.add_error("more", error)
        return cleaned


def apart(said: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what of a condition the form's fields can say, and the rest of it."""
    simple: dict[str, Any] = {}
    rest = []
    for part in said.get("all", [said] if said else []):
        found = _simple(part)
        if found and not simple.keys() & found.keys():
            simple |= found
        else:
            rest.append(part)
    return simple, {} if not rest else rest[0] if len(rest) == 1 else {"all": rest}


def together(cleaned: dict[str, Any]) -> dict[str, Any]:
    """Return the condition that the form's fields say."""
    parts: list[dict[str, Any]] = [
        {"field": field, "in": list(cleaned[name])} for name, field in LISTS.items() if cleaned.get(name)
    ]
    if cleaned.get("weekdays"):
        parts.append({"field": "weekday", "in": list(cleaned["weekdays"])})
    for field, first, last in (("date", "first_day", "last_day"), ("time", "first_time", "last_time")):
        bounds = {"from": cleaned.get(first), "to": cleaned.get(last)}
        known = {
            word: value.isoformat() if field == "date" else f"{value:%H:%M}" for word, value in bounds.items() if value
        }
        parts += [{"field": field, **known}] if known else []
    more = cleaned.get("more")
    parts += [more] if more else []
    return {} if not parts else parts[0] if len(parts) == 1 else {"all": parts}


def _simple(part: dict[str, Any]) -> dict[str, Any]:
    fields = {field: name for name, field in LISTS.items()} | {"weekday": "weekdays"}
    match part:
        case {"field": str(field), "in": list(values)} if field in fields:
            return {fields[field]: values}
        case {"field": "date"}:
            return {"first_day": part.get("from"), "last_day": part.get("to")}
        case {"field": "time"}:
            return {"first_time": part.get("from"), "last_time": part.get("to")}
    return {}


class PointsPolicyForm(forms.ModelForm[PointsPolicy]):
    expiry_dates = SimpleArrayField(
        forms.CharField(max_length=5),
        required=False,
        widget=TextInputWidget(),
        label=capfirst(PointsPolicy._meta.get_field("expiry_dates").verbose_name),
        help_text=PointsPolicy._meta.get_field("expiry_dates").help_text,
    )

    class Meta:
        model = PointsPolicy
        exclude = ("version",)  # noqa: DJ006 - every field but the one that the page gives


class PublishForm(forms.Form):
    """From when a version is in force."""

    effective_from = forms.SplitDateTimeField(label=_("in force from"), widget=SplitDateTimeWidget())
    seen = forms.CharField(widget=forms.HiddenInput(), required=False, max_length=64)  # which plan its reader was shown


class DocumentForm(forms.Form):
    """A document to make a draft of."""

    document = forms.CharField(
        label=_("document (YAML)"), widget=SmallTextareaWidget({"rows": 28, "spellcheck": "false"})
    )
    revision = forms.CharField(widget=forms.HiddenInput)


class SimulationForm(forms.Form):
    """Which past to live again."""

    since = forms.DateField(label=_("from"), widget=TextInputWidget({"type": "date"}))
    until = forms.DateField(label=_("through"), widget=TextInputWidget({"type": "date"}))
