"""The tests: as production, but quick with passwords and quiet."""

import structlog

from loyalty.settings.base import *  # noqa: F403 - a settings module extends another one
from loyalty.settings.logs import logging_to

DEBUG = False
SECRET_KEY = "tests"  # noqa: S105
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_AUTOREFRESH = True
STORAGES["default"] = {"BACKEND": "django.core.files.storage.InMemoryStorage"}  # noqa: F405
CELERY_TASK_ALWAYS_EAGER = True
CELERY_TASK_EAGER_PROPAGATES = True
CELERY_BROKER_URL = "memory://"
SENDS_MAIL = True
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
LOGGING = logging_to(
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback), level="WARNING"
)
REST_FRAMEWORK["DEFAULT_THROTTLE_RATES"] = {"credential": "100000/minute", "anonymous": "100000/minute"}  # noqa: F405
