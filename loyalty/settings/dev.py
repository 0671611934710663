"""A developer's machine: readable logs, debug on, secrets that are none."""

import structlog

from loyalty.settings.base import *  # noqa: F403 - a settings module extends another one

DEBUG = env.bool("DEBUG", default=True)  # noqa: F405
SECRET_KEY = env.str("SECRET_KEY", default="insecure-and-only-for-development")  # noqa: F405
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.list("ALLOWED_HOSTS", default=[])]  # noqa: F405
WHITENOISE_AUTOREFRESH = True
LOGGING = logging_to(structlog.dev.ConsoleRenderer(colors=False), level="INFO")  # noqa: F405
LOGGING["loggers"]["django_structlog"] = {"level": "WARNING"}
