"""The Celery application: it rings the bell, the database row is the truth (design section 3)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "challenge.settings.embedded")

app = Celery("challenge")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
