"""Tests: SQLite in a temporary directory unless DATABASE_URL names a PostgreSQL; tasks are rung but nobody listens.

Each test process has its own STATE_DIR, so that two runs never share a file. Whoever wants a broker starts one.
"""

import atexit
import shutil
import tempfile
from pathlib import Path

from nacl.public import PrivateKey

from challenge.settings.base import *
from challenge.settings.base import MIDDLEWARE, RATE_LIMITS, TEMPLATES, database, env, uploads_folder

STATE_DIR = Path(tempfile.mkdtemp(prefix="challenge-test-"))
atexit.register(shutil.rmtree, STATE_DIR, ignore_errors=True)
FILE_UPLOAD_TEMP_DIR = uploads_folder(STATE_DIR)

SECRET_KEY = "only-for-tests-" + "x" * 50
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
DATABASES = {"default": database(env.str("DATABASE_URL", default=f"sqlite:///{STATE_DIR / 'db.sqlite3'}"))}
DATABASES["default"]["TEST"] = {"NAME": str(STATE_DIR / "test.sqlite3")} if "DATABASE_URL" not in env.ENVIRON else {}

CELERY_BROKER_URL = "memory://"
CELERY_BROKER_TRANSPORT_OPTIONS = {}
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "default"},
    "local": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "local"},
}
RATE_LIMITS = dict.fromkeys(RATE_LIMITS, ())  # fifty uploads at once are a test here; tests of limits set them
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "challenge.core.storage.PrivateStorage", "OPTIONS": {"location": STATE_DIR / "private"}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT = STATE_DIR / "static"
MIDDLEWARE = [name for name in MIDDLEWARE if "whitenoise" not in name]
TEMPLATES[0]["OPTIONS"]["string_if_invalid"] = ""

_pair = PrivateKey.generate()
(STATE_DIR / "answer_key.public").write_bytes(bytes(_pair.public_key))
(STATE_DIR / "answer_key.private").write_bytes(bytes(_pair))
ANSWER_KEY_PUBLIC_KEY_FILE = str(STATE_DIR / "answer_key.public")
ANSWER_KEY_PRIVATE_KEY_FILE = str(STATE_DIR / "answer_key.private")
