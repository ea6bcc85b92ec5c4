"""The challenge site: stores, decides, queues, shows. Numbers come from `scoring`, images from `generation`.

The Celery application is imported here so that every process, the web server included, publishes to the configured
broker: without it a task sent from gunicorn would go to Celery's default broker and fail after the row was committed.
"""

from challenge.celery import app as celery_app

__all__ = ["celery_app"]
