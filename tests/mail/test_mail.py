"""The outbox: mail goes out after the commit, again when the server was down, and never in place of an answer."""

from django.core import mail
from django.db import transaction
from django.utils import timezone

from challenge.contests.registrations import decide
from challenge.core import work
from challenge.mail.delivery import deliver
from challenge.mail.models import Message
from challenge.mail.services import reconcile, send_later
from tests.factories import make_pending
from tests.notices.workers import spread_all


def test_a_message_waits_for_the_commit_and_a_worker(world, rung, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        send_later(world.alice, "Hello\n there", "Text")
    assert mail.outbox == []
    deliver(Message.objects.get().pk)
    (sent,) = mail.outbox
    assert (sent.subject, sent.to, sent.body) == ("[IQA Challenge] Hello there", ["alice@example.org"], "Text")
    assert Message.objects.get().state == "done"


def test_it_is_sent_once_however_often_the_task_is_delivered(world):
    send_later(world.alice, "Hello", "Text")
    for _ in range(3):
        deliver(Message.objects.get().pk)
    assert len(mail.outbox) == 1


def test_what_is_rolled_back_is_never_sent(world):
    with transaction.atomic():
        send_later(world.alice, "Hello", "Text")
        transaction.set_rollback(True)
    assert not Message.objects.exists()


def test_a_mail_server_that_is_down_delays_it(world, monkeypatch, rung):
    def refuse(_self):
        raise ConnectionRefusedError

    send_later(world.alice, "Hello", "Text")
    pk = Message.objects.get().pk
    with monkeypatch.context() as patch:
        patch.setattr(mail.EmailMessage, "send", refuse)
        deliver(pk)
    assert Message.objects.get().state == "waiting"
    assert reconcile() == 1
    deliver(pk)
    assert len(mail.outbox) == 1


def test_an_account_without_an_address_gets_none(world):
    send_later(world.alice, "Hello", "Text")
    world.alice.email = ""
    world.alice.save()
    deliver(Message.objects.get().pk)
    assert (Message.objects.get().state, mail.outbox) == ("failed", [])


def test_a_decision_is_made_without_a_broker_and_without_a_mail_server(
    world, monkeypatch, django_capture_on_commit_callbacks
):
    def unreachable(*_args):
        raise OSError

    monkeypatch.setattr(work, "ring_bell", unreachable)
    pending = make_pending(world)
    with django_capture_on_commit_callbacks(execute=True):
        assert decide(pending.registrations.get(), accept=True, actor=world.organiser)
    assert pending.registrations.get().status == "accepted"
    spread_all()
    assert "/c/iqa/" in Message.objects.get(user=pending).body


def test_a_worker_that_dies_after_sending_does_not_send_again(world, monkeypatch):
    send_later(world.alice, "Hello", "Text")
    pk = Message.objects.get().pk
    with monkeypatch.context() as patch:
        patch.setattr(work, "finish", lambda *_a, **_o: False)  # killed before it could note anything
        deliver(pk)
    assert (len(mail.outbox), Message.objects.get().state) == (1, "running")
    Message.objects.update(lease_expires_at=timezone.now())
    deliver(pk)
    assert len(mail.outbox) == 1
    assert "may have arrived" in Message.objects.get().failure
