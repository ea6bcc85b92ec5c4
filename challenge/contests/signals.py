"""What other apps may follow."""

from django.dispatch import Signal

# Sent inside the transaction that moves the deadline of a phase, with `event`, its PhaseEvent.
deadline_changed = Signal()
