"""Makes `manage.py serve` known to Django."""

from django.apps import AppConfig


class EmbeddedConfig(AppConfig):
    """No models, one command."""

    name = "challenge.embedded"
