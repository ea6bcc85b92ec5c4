"""What other apps may follow."""

from django.dispatch import Signal

# Sent inside the transaction that stores the Evaluation of a file that was waiting, with `evaluation`. What a rescoring
# makes comes into force later, in bulk: see rescorings.services.publish.
evaluation_stored = Signal()

# Sent inside the transaction that ends a file as failed, with `submission`.
submission_failed = Signal()
