"""Who may score a phase again (part of the permission layer in `contests.access`): its organisers, nobody else."""

from django.http import Http404
from django.shortcuts import get_object_or_404

from challenge.contests.access import Viewer, is_organiser, visible_phases
from challenge.contests.models import Phase


def organised_phase(user: Viewer, challenge: str, phase: str) -> Phase:
    """The phase, if `user` organises its challenge; Http404 otherwise."""
    found: Phase = get_object_or_404(visible_phases(user), challenge__slug=challenge, slug=phase)
    if not is_organiser(user, found.challenge):
        raise Http404
    return found
