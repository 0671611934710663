"""Entries of the ledger as plain values: a page of them is read more often than anything but a balance."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from loyalty.activity.explaining import rule_names, said_by
from loyalty.points.models import Wallet, label_of
from loyalty.points.statement import Clock, running_balances

# What is told of an entry, and by which a page's rows are sorted.
COLUMNS = (
    "pk", "id", "wallet_id", "kind", "order__number", "occurred_at", "recorded_at", "available_change", "pending_change",
    "owed_change", "balance_after", "explanation",
)  # fmt: skip


def said_entries(page: Sequence[Any], wallets: Mapping[int, Wallet], clock: Clock) -> list[dict[str, Any]]:
    """
    Return entries as plain values of `EntryOut`.

    :param page: the COLUMNS of entries, sorted by the clock, the newest first
    :param wallets: theirs by id, each with its membership
    """
    balances = running_balances(page) if clock is Clock.OCCURRED else {entry.pk: entry.balance_after for entry in page}
    sentences, labels = _sentences(page, wallets), _labels(page)
    return [
        {
            "id": str(entry.pk),
            "kind": entry.kind,
            "kind_label": labels[entry.pk],
            "wallet": wallets[entry.wallet_id].code,
            "order": entry.order__number,
            "occurred_at": entry.occurred_at,
            "recorded_at": entry.recorded_at,
            "available_change": entry.available_change,
            "pending_change": entry.pending_change,
            "owed_change": entry.owed_change,
            "balance_after": balances[entry.pk],
            "sentences": sentences[entry.pk],
            "explanation": entry.explanation,
        }
        for entry in page
    ]


def _sentences(page: Sequence[Any], wallets: Mapping[int, Wallet]) -> dict[UUID, list[str]]:
    by_program: dict[int, list[Any]] = {}
    for entry in page:
        by_program.setdefault(wallets[entry.wallet_id].membership.program_id, []).append(entry)
    told: dict[UUID, list[str]] = {}
    for program_id, entries in by_program.items():
        rules = rule_names(program_id, entries)
        told |= {entry.pk: said_by(entry, rules) for entry in entries}
    return told


def _labels(page: Sequence[Any]) -> dict[UUID, str]:
    """Return what happened, by entry: the same words, for the most part."""
    known: dict[tuple[str, bool, bool], str] = {}
    found: dict[UUID, str] = {}
    for entry in page:
        said = entry.kind, "correction" in entry.explanation, "grant_back" in entry.explanation
        if said not in known:
            known[said] = label_of(entry.kind, entry.explanation)
        found[entry.pk] = known[said]
    return found
