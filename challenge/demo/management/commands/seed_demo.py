"""`manage.py seed_demo`: the demo challenge, once."""

from typing import Any

from django.core.management.base import BaseCommand

from challenge.demo.services import demo_accounts, seed_demo


class Command(BaseCommand):
    """Seed the demo challenge unless it exists; prints the demo accounts."""

    help = "Create the demo challenge, its accounts and submissions (once)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Seed, then print the accounts."""
        seed_demo()
        for account in demo_accounts():
            self.stdout.write(f"{account['role']:12} {account['username']:14} {account['password']}")
