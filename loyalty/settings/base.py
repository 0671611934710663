"""What every environment shares. What differs comes from environment variables, named in docs/reference/settings.md."""

import logging
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parents[2]
env = environ.Env()


# In seconds, how long a statement waits for a lock, and how long it may take (0: as long as it needs), by what runs it.
# Nobody waits for a request that hangs; an import, a migration or a proof of all books takes what it takes.
MAX_WAITS = {"web": (5, 30), "worker": (30, 3_600), "command": (60, 0)}


def read_limits() -> str:
    """Return the options of a session that end its waiting, for this kind of process."""
    lock, statement = MAX_WAITS[env.str("LOYALTY_PROCESS", default="command")]
    lock = env.int("DATABASE_LOCK_SECONDS", default=lock)
    statement = env.int("DATABASE_STATEMENT_SECONDS", default=statement)
    return f"-c lock_timeout={lock}s -c statement_timeout={statement}s"


def read_database() -> dict[str, Any]:
    """
    Return the database that DATABASE_URL names.

    :raises ImproperlyConfigured: when it is missing or names something that is not PostgreSQL
    """
    url = env.str("DATABASE_URL", default="")
    if not url:
        raise ImproperlyConfigured(
            "DATABASE_URL is not set. Set it (postgres://user:password@host:5432/name), or let an embedded PostgreSQL "
            "start: `make demo`, `make run`, or `python -m loyalty.embedded exec -- python manage.py ...`."
        )
    database: dict[str, Any] = env.db_url_config(url)
    # What customers.core.bulk sends is planned once per connection, for any parameters. A pooler that does not know
    # prepared statements needs this off.
    prepare = env.bool("DATABASE_PREPARE", default=True)
    planned = " -c plan_cache_mode=force_generic_plan" if prepare else ""
    statements = {"prepare_threshold": 1 if prepare else None, "options": f"{read_limits()}{planned}"}
    # The application acts as a role that owns no tables and sees one retailer's rows (customers.core.tenancy); `migrate`
    # makes it and acts as the owner. Empty, where DATABASE_URL names such a role itself.
    name = env.str("DATABASE_ROLE", default="loyalty_app")
    role = {"assume_role": name} if name else {}
    if database.get("ENGINE") != "django.db.backends.postgresql":
        raise ImproperlyConfigured(f"DATABASE_URL must name a PostgreSQL (postgres://...), not {url.split(':')[0]!r}.")
    return database | {
        "CONN_MAX_AGE": env.int("DATABASE_CONN_MAX_AGE", default=60),
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "loyalty", "connect_timeout": 10} | statements | role,
    }


DATABASES = {"default": read_database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "analytics",  # before the theme, whose first page it replaces
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "loyalty.admin_theme.apps.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "loyalty.staff_signin",  # before what it signs in with, whose templates it replaces
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "rest_framework",
    "rest_framework_api_key",
    "drf_standardized_errors",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "pgtrigger",
    "customers",
    "loyalty.access",
    "loyalty.outbox",
    "loyalty.programs",
    "loyalty.memberships",
    "loyalty.experiments",
    "loyalty.points",
    "loyalty.tiers",
    "loyalty.plans",
    "loyalty.rewards",
    "loyalty.badges",
    "loyalty.referrals",
    "loyalty.configuration",
    "loyalty.activity",
    "loyalty.campaigns",
    "loyalty.planning",
    "loyalty.page",
    "loyalty.api",
    "loyalty.signin",
    "loyalty.retention",
    "loyalty.admin_theme",
]

MIDDLEWARE = [
    "loyalty.api.request_log.RequestLog",
    "loyalty.api.headers.HeadersMiddleware",
    "loyalty.api.health.HealthMiddleware",
    "loyalty.api.bodies.BodyMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "loyalty.api.browsers.BrowserSessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "loyalty.api.browsers.BrowserCsrfMiddleware",
    "loyalty.api.browsers.BrowserAuthenticationMiddleware",
    "loyalty.api.browsers.BrowserMessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "loyalty.api.tenancy.TenancyMiddleware",
    "loyalty.api.edge.ApiEdgeMiddleware",
    "loyalty.api.idempotency.IdempotencyMiddleware",
]

ROOT_URLCONF = "loyalty.urls"
WSGI_APPLICATION = "loyalty.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "loyalty" / "admin_theme" / "templates"],  # before the theme's own
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "loyalty.staff_signin.theme.frame",
            ],
        },
    },
]

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français")]
LOCALE_PATHS = [BASE_DIR / "loyalty" / "locale", BASE_DIR / "loyalty" / "admin_theme" / "catalogue"]
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
# Uploaded images: in a folder, or where a backend of Django's storages keeps them, such as an S3 bucket.
MEDIA_URL = env.str("MEDIA_URL", default="/media/")
MEDIA_ROOT = env.str("MEDIA_ROOT", default=str(BASE_DIR / "media"))
SERVE_MEDIA = env.bool("SERVE_MEDIA", default=False)
STORAGES = {
    "default": {
        "BACKEND": env.str("MEDIA_STORAGE", default="django.core.files.storage.FileSystemStorage"),
        "OPTIONS": env.json("MEDIA_STORAGE_OPTIONS", default={}),
    },
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
LOGIN_REDIRECT_URL = "admin:index"
LOGIN_URL = "admin:login"
CSRF_FAILURE_VIEW = "loyalty.admin_theme.errors.stale_form"

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend", "loyalty.access.staff.RoleBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# Staff signs in by allauth, with a password and, where it has one or its retailer requires it, a second factor. Nobody signs up.
ACCOUNT_ADAPTER = "loyalty.staff_signin.adapter.StaffAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_SESSION_REMEMBER = True  # for as long as SESSION_COOKIE_AGE says
ACCOUNT_REAUTHENTICATION_METHODS = ("password", "mfa")
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_RATE_LIMITS = False  # they would be each process's own: loyalty.staff_signin.limits counts in a table
ACCOUNT_FORMS = {"reset_password": "loyalty.staff_signin.forms.AskForResetForm"}
MFA_ADAPTER = "loyalty.staff_signin.adapter.SecondFactorAdapter"
MFA_RATE_LIMITS = False
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_TOLERANCE = 1
MFA_TOTP_ISSUER = "Loyalty"
MFA_FORMS = {
    "authenticate": "loyalty.staff_signin.forms.CodeForm",
    "reauthenticate": "loyalty.staff_signin.forms.CodeAgainForm",
    "activate_totp": "loyalty.staff_signin.forms.FirstCodeForm",
}
PASSWORD_RESET_TIMEOUT = 3_600
SESSION_COOKIE_AGE = env.int("STAFF_SESSION_HOURS", default=24 * 14) * 3_600
# So many wrong passwords of one name from one address, and wrong codes of one person, in a quarter of an hour.
STAFF_SIGN_IN_TRIES = env.int("STAFF_SIGN_IN_TRIES", default=10)

# Callers' counts: with the default of 300 entries, those of a busy shop's members would be forgotten before their minute ends.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# How many proxies of ours stand in front, each of which adds to X-Forwarded-For: what callers write there is not believed.
PROXIES = env.int("PROXIES", default=0)
# In which header they say it. The web server takes a name with _ for the same with -, and the last of both for the one: behind a
# proxy that hands such names on, only a name with neither, which the proxy sets itself, is nobody else's to write.
CLIENT_ADDRESS_HEADER = env.str("CLIENT_ADDRESS_HEADER", default="X-Forwarded-For")

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "loyalty.api.authentication.RetailerKeyAuthentication",
        "loyalty.api.authentication.MemberTokenAuthentication",
        "loyalty.api.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["loyalty.api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["loyalty.api.renderers.QuickJSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "loyalty.api.negotiation.OneForm",
    "DEFAULT_PARSER_CLASSES": ["loyalty.api.parsers.EncodableJSONParser"],
    "DEFAULT_SCHEMA_CLASS": "loyalty.api.schema.Operations",
    "DEFAULT_THROTTLE_CLASSES": ["loyalty.api.throttling.CredentialThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "credential": env.str("API_RATE", default="3000/minute"),
        "anonymous": env.str("API_RATE_ANONYMOUS", default="60/minute"),
    },
    "EXCEPTION_HANDLER": "loyalty.api.problems.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "NUM_PROXIES": PROXIES,
    "COERCE_DECIMAL_TO_STRING": True,
}
DRF_STANDARDIZED_ERRORS = {"EXCEPTION_FORMATTER_CLASS": "loyalty.api.problems.ProblemFormatter"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Loyalty API",
    "DESCRIPTION": "Report what customers do; read what it earned and what it is worth.",
    "VERSION": "1.0.0",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "loyalty.api.schema.describe_choices",
        "loyalty.api.schema.describe_dry_runs",
        "loyalty.api.schema.describe_problems",
        "loyalty.api.telling.describe_webhooks",
        "loyalty.api.words.describe_fields",
        "loyalty.api.examples.describe_examples",
    ],
}

CELERY_BROKER_URL = env.str("BROKER_URL", default="memory://")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A broker finds abandoned tasks only after this time; what matters is a row in PostgreSQL, the task is its wake-up.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 300, "unacked_restore_throttle": 1}
# Webhooks and mails wait for strangers, so nothing else waits for them: their tasks are for a worker of their own.
CELERY_TASK_ROUTES = {
    "loyalty.outbox.tasks.*": {"queue": "webhooks"},
    "loyalty.signin.tasks.mail": {"queue": "webhooks"},
    "loyalty.staff_signin.tasks.mail": {"queue": "webhooks"},
    "loyalty.campaigns.tasks.send_messages": {"queue": "webhooks"},
    "analytics.tasks.mail_key_figures": {"queue": "webhooks"},
}
CELERY_BEAT_SCHEDULE = {
    "deliver events": {"task": "loyalty.outbox.tasks.deliver", "schedule": 5.0, "options": {"expires": 60}},
    "give up on webhooks": {"task": "loyalty.outbox.tasks.give_up", "schedule": 3_600.0},
    "run what-ifs": {"task": "loyalty.planning.tasks.run_simulations", "schedule": 5.0},
    "run uploaded imports": {"task": "customers.tasks.run_imports", "schedule": 15.0},
    "decide what was imported, and the nights": {
        "task": "loyalty.activity.tasks.catch_up_everyone",
        "schedule": 60.0,
    },
    "holds that took too long": {"task": "loyalty.activity.tasks.time_out_holds", "schedule": 60.0},
    "customer statistics": {"task": "analytics.tasks.refresh_statistics", "schedule": 60.0},
    "points by day": {"task": "analytics.tasks.sum_points", "schedule": 3_600.0},
    "looks at experiments": {"task": "analytics.tasks.look_at_experiments", "schedule": 86_400.0},
    "key figures by e-mail": {"task": "analytics.tasks.mail_key_figures", "schedule": 3_600.0},
    "data audit": {"task": "analytics.tasks.audit_everyone", "schedule": 86_400.0},
    "data audits that were asked for": {"task": "analytics.tasks.audit_asked", "schedule": 15.0},
    "customer value": {"task": "analytics.tasks.value_everyone", "schedule": 86_400.0},
    "customer value that was asked for": {"task": "analytics.tasks.run_asked", "schedule": 15.0},
    "uplift": {"task": "analytics.tasks.uplift_nightly", "schedule": 86_400.0},
    "uplift that was asked for": {"task": "analytics.tasks.uplift_asked", "schedule": 15.0},
    "roll-outs that were asked for": {"task": "analytics.tasks.roll_outs_asked", "schedule": 15.0},
    "recommendations": {"task": "analytics.tasks.recommend_nightly", "schedule": 86_400.0},
    "recommendations that were asked for": {"task": "analytics.tasks.recommend_asked", "schedule": 15.0},
    "fees and refunds": {"task": "loyalty.plans.tasks.collect", "schedule": 10.0, "options": {"expires": 60}},
    "contests and surprises": {"task": "loyalty.badges.tasks.give_prizes", "schedule": 300.0},
    "experiments that end": {"task": "loyalty.experiments.tasks.end_experiments", "schedule": 300.0},
    "months that are over": {"task": "loyalty.planning.tasks.close_months", "schedule": 3_600.0},
    "the ledger's proof": {"task": "loyalty.points.tasks.prove_ledger", "schedule": 86_400.0},
    "the proof of points by day": {"task": "analytics.tasks.prove_points", "schedule": 86_400.0},
    "sign-in codes by mail": {"task": "loyalty.signin.tasks.mail", "schedule": 2.0, "options": {"expires": 60}},
    "new passwords by mail": {"task": "loyalty.staff_signin.tasks.mail", "schedule": 5.0, "options": {"expires": 60}},
    "what is no longer kept": {"task": "loyalty.retention.tasks.prune", "schedule": 3_600.0},
    "steps of campaigns": {
        "task": "loyalty.campaigns.tasks.advance_campaigns",
        "schedule": 5.0,
        "options": {"expires": 60},
    },
    "members for campaigns": {"task": "loyalty.campaigns.tasks.find_members", "schedule": 300.0},
    "offers that are over": {"task": "loyalty.campaigns.tasks.release_offers", "schedule": 300.0},
    "messages to members": {
        "task": "loyalty.campaigns.tasks.send_messages",
        "schedule": 5.0,
        "options": {"expires": 60},
    },
}

# So many codes that do not exist a key, a member or somebody of the staff may try.
WRONG_CODE_RATE = env.str("WRONG_CODE_RATE", default="60/minute")

# From these are made the keys that seal the codes of rewards and find them: the first seals, the others still open what they
# sealed. Empty, SECRET_KEY is the one.
CODE_KEYS = env.list("CODE_KEYS", default=[])

# Events go to subscribers (dotted paths of functions of a list of events) and to the retailers' webhooks.
OUTBOX_SUBSCRIBERS = ["loyalty.memberships.naming.name_customers", "loyalty.campaigns.journeys.learning.on_events"]
# Says which effect a campaign's experiment can detect among so many customers: a function of analytics, which campaigns cannot
# import (`loyalty.campaigns.publishing.starting.Forecast`).
CAMPAIGN_FORECAST = "analytics.experiments.campaigns.smallest_effect"
# For so long a post may take, from the look-up of the name to the head of the answer.
WEBHOOK_SECONDS = env.float("WEBHOOK_SECONDS", default=10.0)
# Of the eight threads of the worker of webhooks, how many may wait for endpoints that are slow or do not answer, and how many for
# those that it has not met: the others are for who answers.
WEBHOOK_SLOW_AT_ONCE = env.int("WEBHOOK_SLOW_AT_ONCE", default=4)
WEBHOOK_NEW_AT_ONCE = env.int("WEBHOOK_NEW_AT_ONCE", default=2)
# Of the same threads, how many may send messages to members, and how many those of one retailer.
MESSAGES_AT_ONCE = env.int("MESSAGES_AT_ONCE", default=4)
MESSAGES_OF_ONE_AT_ONCE = env.int("MESSAGES_OF_ONE_AT_ONCE", default=3)
WEBHOOKS_MAY_GO_INSIDE = env.bool("WEBHOOKS_MAY_GO_INSIDE", default=False)

# Who takes the fees of paid plans, by the retailer's slug: {"shop": {"provider": "test", "webhook_secret": "..."}}. Where no
# account is named, a person does.
PAYMENT_ACCOUNTS: dict[str, dict[str, str]] = env.json("PAYMENT_ACCOUNTS", default={})

# By whom Web Push is signed (RFC 8292): `manage.py push_key` makes a key, and the subject is whom push services may write to,
# such as mailto:it@shop.example.
VAPID_PRIVATE_KEY = env.str("VAPID_PRIVATE_KEY", default="")
VAPID_SUBJECT = env.str("VAPID_SUBJECT", default="")


def read_mail() -> dict[str, Any]:
    """Return Django's EMAIL_* settings for EMAIL_URL, such as smtp+tls://user:password@host:587; empty where it is not set."""
    url = env.str("EMAIL_URL", default="")
    found: dict[str, Any] = environ.Env.email_url_config(url) if url else {}
    return {name: value for name, value in found.items() if name.startswith("EMAIL_")}


# Shoppers sign in by codes that are mailed. Where no mail is sent, nobody can.
SENDS_MAIL: bool = bool(read_mail())
globals().update(read_mail())
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="no-reply@localhost")
# So many codes a retailer's shoppers may ask for in an hour, which bounds how many can be guessed at.
SIGNIN_CODES_PER_HOUR = env.int("SIGNIN_CODES_PER_HOUR", default=1_000)
MEMBER_SESSION_DAYS = env.int("MEMBER_SESSION_DAYS", default=30)
MEMBER_SESSION_IDLE_DAYS = env.int("MEMBER_SESSION_IDLE_DAYS", default=7)

# Under which people reach this site: links in messages begin with it.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000")

# Who signs the cards for phones' wallets, by the retailer's slug: {"shop": {"type": "pass.com.shop.card", "team": "A1B2C3D4E5",
# "certificate": "card.pem", "key": "card.key", "intermediate": "wwdr.pem"}}. Others' cards are not signed.
WALLET_PASSES: dict[str, dict[str, str]] = env.json("WALLET_PASSES", default={})

# Who knows which figures of customers are not shown, and why: the floor that computes them.
WITHHELD_FIGURES = "analytics.withheld.of_retailers"

# What each app holds on persons, in the order in which a person is erased: what is going on ends first, then numbers change.
PRIVACY_PARTS = [
    "loyalty.signin.privacy.PART",
    "loyalty.campaigns.privacy.PART",
    "loyalty.badges.account.privacy.PART",
    "loyalty.plans.account.privacy.PART",
    "loyalty.activity.rewards.privacy.PART",
    "loyalty.referrals.privacy.PART",
    "loyalty.activity.privacy.PART",
    "loyalty.points.privacy.PART",
    "loyalty.experiments.privacy.PART",
    "loyalty.memberships.privacy.PART",
    "loyalty.api.privacy.PART",
    "loyalty.access.privacy.PART",
    "analytics.privacy.PART",
    "customers.personal.PART",
]

# What goes over with a merge of customers besides facts and memberships: what apps above those have of them.
MERGE_FOLLOWERS = ["loyalty.campaigns.reaching.merging.FOLLOWER"]

# For how many days is kept what nobody needs for ever (loyalty.retention). What ends by itself is deleted within the hour.
EVENTS_KEPT_DAYS = env.int("EVENTS_KEPT_DAYS", default=90)
DELIVERIES_KEPT_DAYS = env.int("DELIVERIES_KEPT_DAYS", default=30)
IDEMPOTENCY_KEPT_DAYS = env.int("IDEMPOTENCY_KEPT_DAYS", default=7)
SIGNIN_CODES_KEPT_DAYS = env.int("SIGNIN_CODES_KEPT_DAYS", default=1)
INVITATIONS_KEPT_DAYS = env.int("INVITATIONS_KEPT_DAYS", default=365)
API_BATCH_LIMIT = 1_000
# For so long a process recognises an API key without asking the database; a revoked key ends with it.
API_KEY_REMEMBERED_SECONDS = env.int("API_KEY_REMEMBERED_SECONDS", default=10)
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("MAX_BODY_BYTES", default=8 * 1024 * 1024)
# Of a form with files, which are written to the disk before anything asks whose they are.
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=64 * 1024 * 1024)

LOG_LEVEL_OF_REQUESTS = logging.INFO  # of those that went well

UNFOLD = {
    "SITE_TITLE": _("Loyalty"),
    "SITE_HEADER": _("Loyalty"),
    "SITE_SUBHEADER": "loyalty.access.choosing.present",
    "SITE_DROPDOWN": "loyalty.access.choosing.other_retailers",
    "SITE_SYMBOL": "loyalty",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "loyalty.admin_theme.theme.icon"}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_LANGUAGES": True,
    "ACCOUNT": {"navigation": [{"title": _("Second factor"), "link": reverse_lazy("mfa_index")}]},
    "DASHBOARD_CALLBACK": "analytics.dashboards.home.dashboard",
    "STYLES": ["loyalty.admin_theme.theme.stylesheet"],
    "SCRIPTS": ["loyalty.admin_theme.theme.search_script"],
    "COLORS": {
        "primary": {
            "50": "#eef6f4",
            "100": "#d5eae4",
            "200": "#aed5cb",
            "300": "#7fb9ab",
            "400": "#539a8a",
            "500": "#387e6f",
            "600": "#2a6559",
            "700": "#245149",
            "800": "#20423c",
            "900": "#1d3833",
            "950": "#0d1f1d",
        },
    },
    "SIDEBAR": {"show_search": False, "navigation": "loyalty.admin_theme.theme.navigation"},
}
