"""What other apps may follow."""

from django.dispatch import Signal

# Sent inside the transaction that puts an Evaluation in force for the first time, with `evaluation`: when a file is
# scored, or when the rescoring that made it is published.
evaluation_stored = Signal()
