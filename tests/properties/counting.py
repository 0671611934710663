"""How many steps were drawn, by the test that drew them and by kind: a run tells it at its end."""

import os
from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any

from hypothesis import stateful

STEPS: Counter[tuple[str, str]] = Counter()


def count(kind: str) -> None:
    """Count a step of a kind for the test that runs."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").split("::")[-1].split(" ")[0].split("[")[0]
    STEPS[test, kind] += 1


def rule(**given: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return hypothesis' decorator of a machine's rule, which lets the machine count its steps by the rule's name."""
    mark: Any = stateful.rule(**given)

    def decorate(method: Callable[..., Any]) -> Any:
        @wraps(method)
        def named(machine: Any, *args: Any, **drawn: Any) -> Any:
            before, machine.kind = machine.kind, method.__name__
            try:
                return method(machine, *args, **drawn)
            finally:
                machine.kind = before

        return mark(named)

    return decorate


def lines() -> list[str]:
    """Return what was drawn, a line for each test: all steps, then those of each kind, the most frequent first."""
    found = []
    for test in sorted({test for test, _ in STEPS}):
        kinds = Counter({kind: steps for (of, kind), steps in STEPS.items() if of == test})
        told = ", ".join(f"{kind} {steps:,}" for kind, steps in kinds.most_common())
        found.append(f"{test}: {kinds.total():,} steps: {told}")
    return found
