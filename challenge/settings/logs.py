"""Logs: one JSON object a line on stderr, of our own code and of libraries alike."""

from typing import Any

import environ
import structlog

SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
]


def configured_logging(env: environ.Env) -> dict[str, Any]:
    """Configure structlog; LOGGING for the rest. LOG_FORMAT is `json` or `console`, LOG_LEVEL a level of Python."""
    structlog.configure(
        processors=[*SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    is_json = env.str("LOG_FORMAT", default="json") == "json"
    renderer = structlog.processors.JSONRenderer() if is_json else structlog.dev.ConsoleRenderer(colors=False)
    structured = {
        "()": structlog.stdlib.ProcessorFormatter,
        "foreign_pre_chain": SHARED,
        "processors": [
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.format_exc_info,
            renderer,
        ],
    }
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structured": structured},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
        "loggers": {
            "django.server": {"level": "WARNING", "propagate": True},
            "django.request": {"level": "ERROR", "propagate": True},
            "celery": {"level": "WARNING", "propagate": True},
            "kombu": {"level": "WARNING", "propagate": True},
            "matplotlib": {"level": "WARNING", "propagate": True},
            "fontTools": {"level": "WARNING", "propagate": True},  # tells of every glyph it embeds
        },
    }
