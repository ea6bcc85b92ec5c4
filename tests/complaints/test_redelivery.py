"""B. Workers and broker: whatever is delivered twice is done once."""

import re

from challenge.submissions import scoring_run
from challenge.submissions.tasks import score_submission
from tests.complaints.conftest import Site


def test_a_task_that_is_delivered_again_and_again_is_done_once(site: Site):
    """Codabench #1181 (RabbitMQ delivers again after its timeout), #1473; Celery #3270, #5306, #5935, kombu #337,
    studio #3395: what takes longer than the visibility timeout runs twice."""
    page = site.accepted("alice")
    site.work(deliveries=5)
    history = re.findall(r'<td class="text">(.*?)</td>', site["alice"].look(page))
    assert [line.partition(" with")[0] for line in history] == [
        "file accepted",
        "waiting for a worker",
        "claimed by a worker",
        "scored",
    ]
    assert site.board()["Aces"]["entries"] == "1"


def test_a_delivery_while_the_work_goes_on_begins_nothing(site: Site, monkeypatch):
    """Codabench #1241: status Running, then Preparing again, and the logs of two executions mixed; EvalAI #950."""
    begun = []
    compute = scoring_run.compute

    def compute_and_deliver_again(submission, key, *args):
        begun.append(submission.pk)
        score_submission(str(submission.pk))
        return compute(submission, key, *args)

    monkeypatch.setattr(scoring_run, "compute", compute_and_deliver_again)
    site.accepted("alice")
    site.work()
    assert len(begun) == 1
    assert site.board()["Aces"]["rank"] == "1"
