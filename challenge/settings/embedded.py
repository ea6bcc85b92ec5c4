"""The embedded mode of `make serve`: SQLite, the bundled broker on a unix socket, mail as files, all under STATE_DIR.

`manage.py serve` creates the secrets and the socket path before any other process starts; a single command such as
`manage.py shell` finds what it left there.
"""

from challenge.embedded.paths import socket_path
from challenge.settings.base import *
from challenge.settings.base import STATE_DIR, database, env, stripped, uploads_folder

EMBEDDED = True
SECRETS_DIR = STATE_DIR / "secrets"
_secret_file = SECRETS_DIR / "secret_key"
# Before the first `serve` there is no secret yet; what runs then (migrate, collectstatic) signs nothing.
SECRET_KEY = env.str("SECRET_KEY", default="") or (
    _secret_file.read_text().strip() if _secret_file.exists() else "not-yet-generated-by-serve"
)
ALLOWED_HOSTS = stripped(env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"]))
CSRF_TRUSTED_ORIGINS = stripped(env.list("CSRF_TRUSTED_ORIGINS", default=[]))

DATABASES = {"default": database(env.str("DATABASE_URL", default=f"sqlite:///{STATE_DIR / 'db.sqlite3'}"))}
FILE_UPLOAD_TEMP_DIR = uploads_folder(STATE_DIR)

_socket = env.str("BROKER_SOCKET", default=str(socket_path(STATE_DIR)))
CELERY_BROKER_URL = env.str("BROKER_URL", default=f"redis+socket://{_socket}")
CACHES = {
    "default": {
        "BACKEND": "challenge.core.cache.FailOpenRedisCache",
        "LOCATION": env.str("CACHE_URL", default=f"unix://{_socket}?db=1"),
    },
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "local"},
}

ANSWER_KEY_PUBLIC_KEY_FILE = env.str("ANSWER_KEY_PUBLIC_KEY_FILE", default=str(SECRETS_DIR / "answer_key.public"))

MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True  # passkeys at http://localhost; browsers allow no other name without TLS
SITE_URL = env.str("SITE_URL", default=f"http://127.0.0.1:{env.str('PORT', default='8000')}")
EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
EMAIL_FILE_PATH = STATE_DIR / "mail"
