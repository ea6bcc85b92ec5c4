"""What other apps may follow."""

from django.dispatch import Signal

# Sent inside the transaction that stores a new Evaluation, with `evaluation`.
evaluation_stored = Signal()
