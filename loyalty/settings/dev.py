"""A developer's machine: readable logs, static files as they are, secrets that are none."""

import logging
from pathlib import Path

import structlog

from loyalty.settings.base import *  # noqa: F403 - a settings module extends another one
from loyalty.settings.logs import logging_to

# Off unless asked for: with it Django keeps and formats every statement, which makes an import several times slower.
DEBUG = env.bool("DEBUG", default=False)  # noqa: F405
SECRET_KEY = env.str("SECRET_KEY", default="insecure-and-only-for-development")  # noqa: F405
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", *env.list("ALLOWED_HOSTS", default=[])]  # noqa: F405
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(BASE_DIR / ".state" / "media"))  # noqa: F405
SERVE_MEDIA = env.bool("SERVE_MEDIA", default=True)  # noqa: F405
WEBHOOKS_MAY_GO_INSIDE = env.bool("WEBHOOKS_MAY_GO_INSIDE", default=True)  # noqa: F405
LOGGING = logging_to(
    structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback), level="INFO"
)
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # passkeys on http://localhost
LOG_LEVEL_OF_REQUESTS = logging.DEBUG
# The demo's members pay by trying out: no money moves.
PAYMENT_ACCOUNTS.setdefault("complete-journey", {"provider": "test", "webhook_secret": "demo"})  # noqa: F405
if not env.str("EMAIL_URL", default=""):  # noqa: F405 - mails are files then, the newest with the last name
    SENDS_MAIL = True
    EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    EMAIL_FILE_PATH = str(Path(env.str("LOYALTY_STATE_DIR", default=str(BASE_DIR / ".state"))) / "mail")  # noqa: F405
