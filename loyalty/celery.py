"""The worker's application: it finds each app's tasks.py."""

import os

from celery import Celery

from customers.core.collecting import collect_rarely

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings.prod")
os.environ.setdefault("LOYALTY_PROCESS", "worker")
collect_rarely()
app = Celery("loyalty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
