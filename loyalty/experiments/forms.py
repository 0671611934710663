"""What staff fill in to draw up an experiment with its variants."""

from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from customers.core.admin import SelectWidget, TextInputWidget
from customers.core.numbers import shown
from loyalty.experiments.checking import others_of
from loyalty.experiments.models import Experiment, Variant
from loyalty.experiments.planning import CodeTaken, ExperimentFact, VariantFact, design_of
from loyalty.experiments.rules import check
from loyalty.experiments.wording import BP, decimals_of_share, said_of
from loyalty.tiers.models import Tier

OWN = ("code", "name", "layer", "form", "unit", "metric", "window_days", "duration_days", "salt", "missing_percent")
CHANGED_SINCE = _("The experiment was changed since this page was loaded. Load it again, and make your changes there.")


class ExperimentForm(forms.ModelForm[Experiment]):
    """An experiment as staff draw it up."""

    tier_key = forms.TypedChoiceField(
        label=_("tier"), required=False, coerce=UUID, empty_value=None, widget=SelectWidget(),
        help_text=_("Of near misses: to which a part of them is raised."),
    )  # fmt: skip

    class Meta:
        model = Experiment
        fields = ("retailer", "program", *OWN, "within", "tier_key")
        widgets: ClassVar = {"salt": TextInputWidget()}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "salt" in self.fields:
            self.fields["salt"].required = False
            self.fields["salt"].help_text = _("Decides who is in which part; empty for a new one.")
        if "tier_key" in self.fields:
            self.fields["tier_key"].label = capfirst(_("tier"))
            self.fields["tier_key"].choices = [("", "-"), *_tiers(self.instance.retailer_id)]  # type: ignore[attr-defined] # a choice field

    def clean(self) -> dict[str, Any]:
        said = super().clean() or self.cleaned_data
        owner = said.get("retailer") or getattr(self.instance, "retailer", None)
        for name in ("program", "within"):
            if said.get(name) is not None and owner is not None and said[name].retailer_id != owner.pk:
                self.add_error(name, ValidationError(_("It belongs to another retailer."), code="another_retailer"))
        code, others = said.get("code"), Experiment.objects.filter(retailer=owner).exclude(pk=self.instance.pk)
        if not self.instance._state.adding and code and others.filter(code=code).exists():
            self.add_error("code", ValidationError(str(CodeTaken(experiment=code)), code=CodeTaken.code))
        program = said.get("program")
        if (
            said.get("tier_key")
            and program
            and not _rows().filter(key=said["tier_key"], version__program=program).exists()
        ):
            self.add_error("tier_key", ValidationError(_("This tier is another program's."), code="another_program"))
        return said


def _rows() -> QuerySet[Tier]:
    return Tier.objects.filter(version__status="published").select_related("version__program")


def _tiers(retailer: int | None) -> list[tuple[str, str]]:
    """Return the tiers that a retailer's published versions have, by their identity, as each is called now; of all for None."""
    rows = _rows().order_by("version__effective_from", "rank")
    rows = rows if retailer is None else rows.filter(version__program__retailer=retailer)
    found = {str(row.key): f"{row.version.program}: {row}" for row in rows}
    return sorted(found.items(), key=lambda each: each[1])


class ShareField(forms.DecimalField):
    """A share as people say it, in percent; what comes of it is in ten-thousandths, as they are kept."""

    def __init__(self, **given: Any) -> None:
        given |= {"localize": True, "widget": TextInputWidget({"inputmode": "decimal"})}
        super().__init__(min_value=Decimal("0.01"), max_value=100, decimal_places=2, **given)

    def prepare_value(self, value: Any) -> Any:
        return shown(Decimal(value) / BP, decimals_of_share(value)) if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        said = super().clean(value)
        return said if said is None else int(said * BP)

    def has_changed(self, initial: Any, data: Any) -> bool:
        return super().has_changed(Decimal(initial) / BP if isinstance(initial, int) else initial, data)


class VariantForm(forms.ModelForm[Variant]):
    """A variant as staff draw it up."""

    share_bp = ShareField(
        label=_("Share of the customers, in percent"), help_text=_("In percent, as 33.33; all together are 100.")
    )

    class Meta:
        model = Variant
        fields = ("code", "name", "share_bp", "is_control")


class VariantFormSet(forms.BaseInlineFormSet[Variant, Experiment, Any]):
    """The variants of an experiment, in the order of their rows."""

    def facts(self) -> tuple[VariantFact, ...]:
        """Return the variants that are to be."""
        said = (form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE"))
        return tuple(VariantFact(each["code"], each["share_bp"], each["is_control"], each["name"]) for each in said)

    def clean(self) -> None:
        """Refuse what cannot be, before anything is written."""
        super().clean()
        if any("id" in each for each in self.errors):  # each change writes all variants anew
            raise ValidationError(CHANGED_SINCE, code="changed_since")
        if any(self.errors) or self.instance.retailer_id is None:
            return
        design = design_of(self.instance, fact_of(self.instance, self.facts()))
        if flaws := check(design, others_of(self.instance)):
            raise ValidationError([ValidationError(said_of(flaw), code=flaw.code) for flaw in flaws])


def fact_of(row: Experiment, variants: tuple[VariantFact, ...]) -> ExperimentFact:
    """Return an experiment as its form says it, with these variants."""
    own = {name: getattr(row, name) for name in OWN}
    within = row.within.code if row.within else ""
    return ExperimentFact(program=row.program, within=within, variants=variants, tier=row.tier_key, **own)
