"""Production: every secret from the environment, and a start that fails by naming the variable that is missing."""

import structlog
from django.core.exceptions import ImproperlyConfigured

from loyalty.settings.base import *  # noqa: F403 - a settings module extends another one
from loyalty.settings.logs import logging_to


def required(variable: str, why: str) -> str:
    """
    Return an environment variable.

    :raises ImproperlyConfigured: when it is not set; the message names it and says what it is for
    """
    value: str = env.str(variable, default="")  # noqa: F405
    if not value:
        raise ImproperlyConfigured(f"{variable} is not set: {why}")
    return value


DEBUG = False
SECRET_KEY = required("SECRET_KEY", "a long random text that signs sessions; keep it secret and unchanged.")
ALLOWED_HOSTS = required("ALLOWED_HOSTS", "the host names that this site answers to, with commas between.").split(",")
PUBLIC_URL = env.str("PUBLIC_URL", default="") or f"https://{ALLOWED_HOSTS[0].strip()}"  # noqa: F405
if PUBLIC_URL.removeprefix("https://").startswith((".", "*")):
    required(
        "PUBLIC_URL", "under which people reach this site (https://...), for ALLOWED_HOSTS begins with no host name."
    )
CELERY_BROKER_URL = required("BROKER_URL", "the Valkey or Redis of the workers (redis://host:6379/0).")

if len(SECRET_KEY) < 32:  # noqa: PLR2004 - Django's own check asks for 50; shorter than 32 is a mistake
    raise ImproperlyConfigured("SECRET_KEY is too short: use at least 32 random characters.")

SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)  # noqa: F405
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)  # noqa: F405
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=True)  # noqa: F405
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=True)  # noqa: F405 - it counts for who enters the site in the list
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
# With this prefix browsers take a cookie from this host alone, by https: no neighbour sets one.
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken"
CSRF_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = True
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
# The check looks for Django's own middleware against forged forms; ours is one that lets the API's credentials pass.
SILENCED_SYSTEM_CHECKS = ["security.W003"]
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])  # noqa: F405
STORAGES["staticfiles"] = {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"}  # noqa: F405
LOGGING = logging_to(
    structlog.processors.format_exc_info,
    structlog.processors.JSONRenderer(),
    level=env.str("LOG_LEVEL", default="INFO"),  # noqa: F405
)
