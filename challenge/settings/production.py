"""Production: PostgreSQL, Redis or Valkey, TLS in front. Refuses to start while a required variable is missing.

Required: SECRET_KEY, DATABASE_URL, BROKER_URL, ALLOWED_HOSTS, SITE_URL, EMAIL_URL, ANSWER_KEY_PUBLIC_KEY_FILE.
Scoring workers alone also get ANSWER_KEY_PRIVATE_KEY_FILE. docs/operations.md lists every variable.
"""

from django.core.exceptions import ImproperlyConfigured

from challenge.settings.base import *
from challenge.settings.base import STATE_DIR, database, env, stripped, uploads_folder


def required(name: str) -> str:
    """The environment variable `name`; raises ImproperlyConfigured with its name when it is missing or empty."""
    value: str = env.str(name, default="")
    if not value:
        raise ImproperlyConfigured(f"Set the environment variable {name} (see docs/operations.md).")
    return value


SECRET_KEY = required("SECRET_KEY")
if len(SECRET_KEY) < 50:
    raise ImproperlyConfigured("SECRET_KEY is too short: use at least 50 random characters.")
DATABASES = {"default": database(required("DATABASE_URL"))}
CELERY_BROKER_URL = required("BROKER_URL")
CACHES = {
    "default": {
        "BACKEND": "challenge.core.cache.FailOpenRedisCache",
        "LOCATION": env.str("CACHE_URL", default=CELERY_BROKER_URL),
    },
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "local"},
}
required("ALLOWED_HOSTS")
ALLOWED_HOSTS = stripped(env.list("ALLOWED_HOSTS"))
if not ALLOWED_HOSTS:
    raise ImproperlyConfigured("ALLOWED_HOSTS holds no name (see docs/operations.md).")
SITE_URL = required("SITE_URL")
CSRF_TRUSTED_ORIGINS = stripped(env.list("CSRF_TRUSTED_ORIGINS", default=[SITE_URL]))
FILE_UPLOAD_TEMP_DIR = uploads_folder(STATE_DIR)
required("EMAIL_URL")
ANSWER_KEY_PUBLIC_KEY_FILE = required("ANSWER_KEY_PUBLIC_KEY_FILE")

# nginx sets X-Request-Time over whatever a client sent, and nobody else reaches the web server.
TRUST_REQUEST_TIME_HEADER = env.bool("TRUST_REQUEST_TIME_HEADER", default=True)
# nginx sets X-Forwarded-For to the visitor's address: rate limits count visitors, not nginx.
ALLAUTH_TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=1)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", default=31_536_000)
# Both speak for hosts that are not ours when the site is a name below a university's. Off they are a choice, not an
# oversight: Django's warnings about them are silenced then, and only then.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("SECURE_HSTS_INCLUDE_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("SECURE_HSTS_PRELOAD", default=False)
SILENCED_SYSTEM_CHECKS = [
    check
    for check, chosen in (("security.W005", SECURE_HSTS_INCLUDE_SUBDOMAINS), ("security.W021", SECURE_HSTS_PRELOAD))
    if not chosen
]
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https"
