"""Logs: one line an event, to standard error, in one form whoever writes it."""

import logging
import sys
from typing import Any

import structlog
from structlog.types import Processor

# What every line tells beside its event: the request that it belongs to, how bad it is, and when.
ALWAYS: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso"),
    structlog.processors.StackInfoRenderer(),
)


def logging_to(*renderers: Processor, level: str) -> dict[str, Any]:
    """
    Let structlog write its lines by itself, which costs a third of the way through `logging`.

    :param renderers: the last one makes the line
    :param level: the least that is written
    :returns: Django's LOGGING, by which what others log looks the same
    """
    structlog.configure(
        processors=[*ALWAYS, *renderers],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    form = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": [*ALWAYS, structlog.stdlib.add_logger_name],
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"event": form},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "event"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "celery.worker.strategy": {"level": "WARNING"},
            "celery.app.trace": {"level": "WARNING"},
            "django.request": {"level": "CRITICAL"},  # the log of requests has each, and each failure's trace
        },
    }
