"""What is true in every deployment. Reads the environment, has safe defaults, holds no secret."""

from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from challenge.core.rates import parse_rates
from challenge.settings.login import login_providers
from challenge.settings.logs import configured_logging

env = environ.Env()

BASE_DIR = Path(__file__).resolve().parents[2]
STATE_DIR = Path(env.str("STATE_DIR", default=str(BASE_DIR / "var"))).resolve()

DEBUG = False
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000")  # for links in mail that no request asked for
SITE_NAME = env.str("SITE_NAME", default="IQA Challenge")
EMBEDDED = False  # SQLite and the bundled broker: shown in the footer, changes no rule

LOGIN_PROVIDER_APPS, SOCIALACCOUNT_PROVIDERS = login_providers(env)

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    *LOGIN_PROVIDER_APPS,
    "challenge.core",
    "challenge.accounts",
    "challenge.audit",
    "challenge.contests",
    "challenge.mail",
    "challenge.datasets",
    "challenge.submissions",
    "challenge.teams",
    "challenge.leaderboards",
    "challenge.analyses.apps.AnalysesConfig",
    "challenge.rescorings.apps.RescoringsConfig",
    "challenge.jobs.apps.JobsConfig",
    "challenge.receipts",
    "challenge.study",
    "challenge.desk",
    "challenge.announcements",
    "challenge.questions",
    "challenge.reports",
    "challenge.notices.apps.NoticesConfig",
    "challenge.api",
    "challenge.demo",
    "challenge.embedded",
]

MIDDLEWARE = [
    "challenge.core.middleware.RequestContextMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "challenge.core.middleware.ContentSecurityPolicyMiddleware",
    "challenge.api.middleware.ProblemMiddleware",
    "challenge.core.middleware.Utf8OnlyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "challenge.accounts.middleware.SignInElsewhereMiddleware",
]

ROOT_URLCONF = "challenge.urls"
WSGI_APPLICATION = "challenge.wsgi.application"

TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "challenge" / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ],
            "builtins": ["challenge.core.templatetags.display"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "challenge.core.context.site",
            ],
        },
    }
]

# --- people -----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "home"
LOGIN_URL = "account_login"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = f"[{SITE_NAME}] "
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_ADAPTER = "challenge.accounts.adapter.AccountAdapter"
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", default=True)
# Chosen here, also where they are allauth's own: N/period/(ip|user|key), where the key is the account that is tried.
ACCOUNT_RATE_LIMITS = {
    "login": "30/m/ip",
    "login_failed": "10/m/ip,5/300s/key",
    "signup": "20/m/ip",
    "reset_password": "20/m/ip,5/m/key",
    "reset_password_from_key": "20/m/ip",
    "confirm_email": "1/180s/key",
    "manage_email": "10/m/user",
    "change_password": "5/m/user",
    "reauthenticate": "10/m/user",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = SITE_NAME
MFA_TOTP_TOLERANCE = 1  # a code is good for half a minute longer: clocks of telephones are seldom exact
MFA_RATE_LIMITS = {"webauthn_login": "10/m/ip"}
# Whoever comes from elsewhere chooses a public user name here, and confirms an address that nobody vouches for.
SOCIALACCOUNT_AUTO_SIGNUP = False
SOCIALACCOUNT_EMAIL_VERIFICATION = "mandatory"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False  # the same address elsewhere opens no account here
# For challenge.core.limits: N/period/(user|ip). The quotas of challenges are another thing: they are counted exactly.
RATE_LIMITS = {
    "upload": parse_rates(env.str("RATE_LIMIT_UPLOAD", default="30/m/user,600/m/ip")),
    "api": parse_rates(env.str("RATE_LIMIT_API", default="300/m/user,3000/m/ip")),
    "merge": parse_rates("10/h/user"),
    "export": parse_rates("5/h/user"),
    "erase": parse_rates("10/h/user"),
    "ask": parse_rates("10/h/user"),
}

EMAIL_CONFIG = env.email_url("EMAIL_URL", default="consolemail://")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
EMAIL_HOST = EMAIL_CONFIG.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = EMAIL_CONFIG.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = EMAIL_CONFIG.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL_CONFIG.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = EMAIL_CONFIG.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = EMAIL_CONFIG.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="challenge@localhost")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# The daily digest of notices: when it goes out, and how many lines it has at most.
DIGEST_HOUR_UTC = env.int("DIGEST_HOUR_UTC", default=6)
if not 0 <= DIGEST_HOUR_UTC <= 23:
    raise ImproperlyConfigured(f"DIGEST_HOUR_UTC must be from 0 to 23, not {DIGEST_HOUR_UTC}.")
DIGEST_LINES = 20

# --- state ------------------------------------------------------------------------------------------------------------
SQLITE_OPTIONS: dict[str, Any] = {
    # IMMEDIATE: a transaction that will write takes the lock when it begins, so it waits instead of failing half-way.
    "timeout": 30,
    "transaction_mode": "IMMEDIATE",
    "init_command": (
        "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;PRAGMA foreign_keys=ON;"
        "PRAGMA cache_size=-20000;PRAGMA mmap_size=134217728;"
    ),
}


def database(url: str) -> dict[str, Any]:
    """One entry of DATABASES from a URL: `sqlite:////abs/path` or `postgres://user:password@host/name`.

    SQLite gets WAL and IMMEDIATE transactions; PostgreSQL gets persistent connections that are checked before use.
    """
    config: dict[str, Any] = dict(environ.Env.db_url_config(url))
    if config["ENGINE"].endswith("sqlite3"):
        config.update(OPTIONS=dict(SQLITE_OPTIONS), CONN_MAX_AGE=None)
    else:
        config.update(CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    return config


def uploads_folder(state_dir: Path) -> Path:
    """Where an upload waits while it is checked: on the disk whose free space is checked, entered by nobody else.

    Made here, as every process that could need it reads the settings. If it cannot be made, Django's own check
    (files.E001) or the embedded mode's says so.
    """
    folder = state_dir / "uploads"
    try:
        state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError:
        pass
    return folder


def stripped(names: list[str]) -> list[str]:
    """The names of a list without the spaces around them, and without those that are empty then."""
    return [name.strip() for name in names if name.strip()]


DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FILE_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
LARGEST_PREDICTION_FILE_BYTES = 50_000_000  # scoring.predictions.MAX_BYTES, without its import; a test compares them
MAX_PREDICTION_FILE_BYTES = env.int("MAX_PREDICTION_FILE_BYTES", default=LARGEST_PREDICTION_FILE_BYTES)
if not 0 < MAX_PREDICTION_FILE_BYTES <= LARGEST_PREDICTION_FILE_BYTES:
    raise ImproperlyConfigured(
        f"MAX_PREDICTION_FILE_BYTES must be from 1 to {LARGEST_PREDICTION_FILE_BYTES}, the largest file that can be "
        f"scored, not {MAX_PREDICTION_FILE_BYTES}."
    )
# Files beside a fact sheet; nginx lets 64 MB through.
MAX_FACT_SHEET_FILE_BYTES = env.int("MAX_FACT_SHEET_FILE_BYTES", default=50_000_000)
MAX_FACT_SHEET_FILES = env.int("MAX_FACT_SHEET_FILES", default=4)
# Whether X-Request-Time says how long the request took to arrive: only where a proxy sets it, see docker/nginx.
TRUST_REQUEST_TIME_HEADER = False
# An upload that took longer counts as begun this long ago, so holding one open past a deadline buys nothing.
MAX_UPLOAD_SECONDS = env.int("MAX_UPLOAD_SECONDS", default=900)
if MAX_UPLOAD_SECONDS < 1:
    raise ImproperlyConfigured(f"MAX_UPLOAD_SECONDS must be at least 1, not {MAX_UPLOAD_SECONDS}.")
# The location in nginx that hands private files out (docker/nginx); empty: this process sends them itself.
X_ACCEL_PREFIX = env.str("X_ACCEL_PREFIX", default="")
MIN_FREE_DISK_BYTES = env.int("MIN_FREE_DISK_BYTES", default=500 * 1024 * 1024)

WEIGHTS_DIR = env.str("WEIGHTS_DIR", default="")  # of generators; empty: `weights` below STATE_DIR
JOBS_DIR = env.str("JOBS_DIR", default="")  # files of jobs, shared by all GPU workers; empty: `jobs` below STATE_DIR

# An OpenAI-compatible endpoint that judges prompts, its model and key. The web server needs to know the first two only.
PROMPT_JUDGE_URL = env.str("PROMPT_JUDGE_URL", default="")
PROMPT_JUDGE_MODEL = env.str("PROMPT_JUDGE_MODEL", default="")
PROMPT_JUDGE_API_KEY = env.str("PROMPT_JUDGE_API_KEY", default="")

# Baseline metrics: their weights (empty: `baseline-weights` below STATE_DIR), TOML files with further metrics, and the
# folders whose images admins may have scored. Workers must see the same.
BASELINE_WEIGHTS_DIR = env.str("BASELINE_WEIGHTS_DIR", default="")
BASELINE_METRIC_FILES = env.list("BASELINE_METRIC_FILES", default=[])
BASELINE_IMAGE_FOLDERS = env.list("BASELINE_IMAGE_FOLDERS", default=[])
# Whether the demo has its second challenge, whose images a worker scores with BRISQUE and NIQE.
DEMO_BASELINES = env.bool("DEMO_BASELINES", default=True)
# Tables 2 and 3 of the paper to be shown beside one's own: challenge=folder, with table2.csv and table3.csv in it.
PAPER_TABLES = env.dict("PAPER_TABLES", default={})

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(STATE_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "challenge" / "static"]
STORAGES: dict[str, Any] = {
    "default": {"BACKEND": "challenge.core.storage.PrivateStorage", "OPTIONS": {"location": STATE_DIR / "private"}},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# --- answer keys: sealed with the public key in the request, opened by scoring workers only ---------------------------
ANSWER_KEY_PUBLIC_KEY_FILE = env.str("ANSWER_KEY_PUBLIC_KEY_FILE", default="")
ANSWER_KEY_PRIVATE_KEY_FILE = env.str("ANSWER_KEY_PRIVATE_KEY_FILE", default="")

# --- receipts: the web server's key attests files, the workers' attests scores; anybody may have the public ones ------
RECEIPT_ACCEPTED_KEY_FILE = env.str("RECEIPT_ACCEPTED_KEY_FILE", default="")
RECEIPT_SCORED_KEY_FILE = env.str("RECEIPT_SCORED_KEY_FILE", default="")
RECEIPT_PUBLIC_KEYS_FILE = env.str("RECEIPT_PUBLIC_KEYS_FILE", default="")

# --- tasks ------------------------------------------------------------------------------------------------------------
# A heartbeat renews the short lease; the hard limit is below the visibility timeout: the broker never doubles a task.
SCORING_SOFT_LIMIT_SECONDS = 240
SCORING_HARD_LIMIT_SECONDS = 300
SCORING_LEASE_SECONDS = 20
SCORING_HEARTBEAT_SECONDS = 5
SCORING_MAX_ATTEMPTS = 4
RECONCILE_EVERY_SECONDS = 3
ANALYSIS_SOFT_LIMIT_SECONDS = 900
ANALYSIS_HARD_LIMIT_SECONDS = 1000
# Workers of the queue `gpu` are solo and know no limits: challenge.jobs.kinds.Stage has theirs. These are for others.
JOB_SOFT_LIMIT_SECONDS = 3400
JOB_HARD_LIMIT_SECONDS = 3500
BROKER_VISIBILITY_TIMEOUT_SECONDS = 3600

CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_RESULT_BACKEND = None
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2000
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_TASK_DEFAULT_QUEUE = "scoring"
CELERY_TASK_ROUTES = {
    "submissions.*": {"queue": "scoring"},
    "datasets.*": {"queue": "scoring"},
    "analyses.*": {"queue": "analysis"},
    "notices.*": {"queue": "analysis"},
    "mail.*": {"queue": "analysis"},
    "rescorings.*": {"queue": "analysis"},
    "jobs.*": {"queue": "gpu"},
    "study.*": {"queue": "analysis"},
    "desk.*": {"queue": "analysis"},
    "reports.*": {"queue": "analysis"},
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": BROKER_VISIBILITY_TIMEOUT_SECONDS,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A publisher that finds no broker gives up at once: the row is stored, the reconciler rings later.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "socket_keepalive": True,
}
CELERY_TIMEZONE = "UTC"

# --- language and time ------------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True

# --- headers ----------------------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
    "base-uri": "'none'",
    "manifest-src": "'self'",
}
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "challenge.core.views.csrf_failure"

# --- logs -------------------------------------------------------------------------------------------------------------
LOGGING = configured_logging(env)
