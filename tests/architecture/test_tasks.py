"""Each periodic task is one that the worker knows, and runs where there is nothing to do."""

import pytest
from django.conf import settings

from loyalty.celery import app

SCHEDULED = sorted(str(each["task"]) for each in settings.CELERY_BEAT_SCHEDULE.values())


@pytest.mark.django_db
@pytest.mark.parametrize("name", SCHEDULED)
def test_a_periodic_task_is_known_and_runs_on_nothing(name: str) -> None:
    app.loader.import_default_modules()

    app.tasks[name]()
