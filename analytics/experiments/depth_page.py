"""What the page of a look shows of depths: the choice for each segment, the cells, the curve of prices and a budget."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from math import isfinite
from typing import Any

from django.urls import reverse
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from analytics.experiments import depth_words, words
from analytics.experiments.depth_results import DepthResult
from analytics.experiments.drawing import chart_of
from analytics.experiments.drawing_up import offers_of
from analytics.experiments.models import ExperimentLook
from analytics.uplift.depth_budget import Plan
from customers.core.money import written
from customers.core.numbers import shown

MAX_BUDGET = Decimal(10) ** 12


def depths_page(look: ExperimentLook, asked: Mapping[str, Any]) -> dict[str, Any] | None:
    """
    Return what is shown of depths; None where none are tried.

    :param asked: the query: a budget, in units of the currency
    """
    found, currency = look.result.depths, look.currency
    if found is None:
        return None
    budget, is_wrong = budget_of(asked.get("budget", ""))
    is_chosen = any(each.depth for each in found.decision.choices)
    return {
        "reward": found.reward, "is_price": found.list_price is not None, "currency": currency,
        "refusals": [depth_words.refusal_text(found, each, currency) for each in found.decision.refusals],
        "choices": [
            {"text": depth_words.choice_text(found, each, currency), "pays": bool(each.depth)}
            for each in found.decision.choices if each.reason.code != "refused"
        ],
        "falls": depth_words.falls_texts(found, currency), "rows": _rows(found, currency), "charts": _charts(found, currency),
        "segments_from": found.segments_from, "curve": _curve(found, currency), "is_chosen": is_chosen,
        "asked": asked.get("budget", ""), "is_wrong": is_wrong,
        "offers": _offers(look), "can_draw_up": is_chosen and found.list_price is None and look.is_final,
        "plan": None if budget is None else _plan(found, found.spend(float(budget)), currency),
    }  # fmt: skip


def _offers(look: ExperimentLook) -> list[dict[str, Any]]:
    """Return the offers that were drawn up from a look, as its page leads to them."""
    return [
        {
            "address": reverse("admin:campaigns_offer_change", args=[each.pk]), "code": each.code,
            "state": each.get_state_display(), "budget": written(each.budget.limit, each.retailer.currency),
        }
        for each in offers_of(look)
    ]  # fmt: skip


def depth_texts(look: ExperimentLook) -> list[str]:
    """Return in sentences which depth each segment gets, or why none is chosen; none where no depths are tried."""
    found = look.result.depths
    if found is None:
        return []
    if found.decision.refusals:
        return [depth_words.refusal_text(found, each, look.currency) for each in found.decision.refusals]
    return [capfirst(depth_words.choice_text(found, each, look.currency)) for each in found.decision.choices]


def budget_of(text: str) -> tuple[Decimal | None, bool]:
    """Return a budget that somebody wrote, and whether it is none."""
    if not text.strip():
        return None, False
    try:
        budget = Decimal(text.strip().replace(" ", "").replace(",", "."))
    except InvalidOperation:
        return None, True
    return (budget, False) if budget.is_finite() and 0 < budget < MAX_BUDGET else (None, True)


def _rows(found: DepthResult, currency: str) -> list[dict[str, Any]]:
    return [
        {
            "segment": depth_words.segment_name(choice.segment), "depth": depth_words.depth_name(found, cell.depth, currency),
            "customers": shown(cell.customers, 0), "control": shown(cell.control, 0),
            "effect": words.money(cell.effect.value, currency), "interval": words.interval(cell.effect, currency),
            "expected": words.money(cell.expected, currency), "pays": depth_words.probability(cell.pays),
            "redeemed": words.percent(given.redeemed), "cost": words.money(given.cost, currency),
            "is_chosen": bool(choice.depth) and cell.depth == choice.depth,
        }
        for choice, row in zip(found.decision.choices, found.given, strict=True)
        for cell, given in zip(choice.cells, row, strict=True)
    ]  # fmt: skip


def _charts(found: DepthResult, currency: str) -> list[dict[str, Any]]:
    cells = [(choice.segment, cell) for choice in found.decision.choices for cell in choice.cells]
    if not cells:
        return []
    labels = [
        f"{depth_words.segment_name(name)}, {depth_words.depth_name(found, cell.depth, currency)}"
        for name, cell in cells
    ]
    axis = f"{currency} {_('per customer, compared with the control')}"
    drawn = [
        chart_of(
            _("What each depth earns more"),
            axis,
            labels,
            [cell.effect for _name, cell in cells],
            currency,
            of=_("depth"),
            is_flat=True,
        )
        | {
            "wide": not found.curve,
            "basis": _("After what it costs. An interval that reaches over zero does not tell whether it pays."),
        }
    ]
    if found.curve:
        labels = [_points(found, each.price, currency) for each in found.curve]
        axis = f"{currency} {_('per 1,000 members, compared with the catalogue’s price')}"
        curve = chart_of(
            _("The curve of prices"), axis, labels, [each.margin for each in found.curve], currency, of=_("price")
        )
        drawn.append(curve | {"basis": _("Of all members together, after what it costs.")})
    return drawn


def _curve(found: DepthResult, currency: str) -> list[dict[str, str]]:
    return [
        {
            "price": _points(found, each.price, currency), "redemptions": shown(each.redemptions, 0),
            "margin": words.money(each.margin.value, currency), "interval": words.interval(each.margin, currency),
            "liability": words.money(each.liability, currency),
        }
        for each in found.curve
    ]  # fmt: skip


def _points(found: DepthResult, price: int, currency: str) -> str:
    return depth_words.depth_name(found, (found.list_price or 0) - price, currency)


def _plan(found: DepthResult, plan: Plan, currency: str) -> dict[str, Any]:
    return {
        "rows": [
            {
                "segment": depth_words.segment_name(each.offer.segment),
                "depth": depth_words.depth_name(found, each.offer.depth, currency), "customers": shown(each.customers, 0),
                "cost": words.money(each.cost, currency), "earns": words.money(each.earns, currency),
                "returns": shown(each.offer.returns, 2) if each.cost else "-",
            }
            for each in plan.filled
        ],
        "left": words.money(plan.left, currency),
        "marginal": "" if plan.marginal is None or not isfinite(plan.marginal) else shown(plan.marginal, 2),
    }  # fmt: skip


def depths_out(look: ExperimentLook, found: DepthResult, budget: Decimal | None) -> dict[str, Any]:
    """Return what systems are told of depths."""
    currency = look.currency
    plan = None if budget is None else found.spend(float(budget))
    return {
        "look": look.pk, "kind": found.kind, "reward": found.reward, "list_price": found.list_price, "currency": currency,
        "unit": look.experiment.unit, "segments_from": found.segments_from,
        "refusals": [
            {"code": each.code, "text": depth_words.refusal_text(found, each, currency)} for each in found.decision.refusals
        ],
        "choices": [
            {
                "code": each.reason.code, "text": capfirst(depth_words.choice_text(found, each, currency)),
                "segment": each.segment, "depth": each.depth, "cells": _cells_out(found, place, currency),
            }
            for place, each in enumerate(found.decision.choices)
        ],
        "offers": [each.code for each in offers_of(look)],
        "curve": [vars(each) | {name: getattr(each.margin, name) for name in ("low", "high")} | {"margin": each.margin.value}
            for each in found.curve],
        "budget": plan and {
            "left": plan.left, "marginal": plan.marginal if plan.marginal is None or isfinite(plan.marginal) else None,
            "filled": [
                {"segment": each.offer.segment, "depth": each.offer.depth, "customers": each.customers, "cost": each.cost,
                    "earns": each.earns}
                for each in plan.filled
            ],
        },
    }  # fmt: skip


def _cells_out(found: DepthResult, place: int, currency: str) -> list[dict[str, Any]]:
    choice = found.decision.choices[place]
    return [
        {
            "depth": cell.depth, "name": depth_words.depth_name(found, cell.depth, currency), "customers": cell.customers,
            "control": cell.control, "effect": cell.effect.value, "low": cell.effect.low, "high": cell.effect.high,
            "expected": cell.expected, "pays": cell.pays, **vars(given),
        }
        for cell, given in zip(choice.cells, found.given[place], strict=True)
    ]  # fmt: skip
