"""H. Uploads: what is too large, broken off or damaged gets a sentence, and leaves nothing behind."""

import io

from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart

from challenge.submissions.models import Submission
from tests.complaints.conftest import SUBMIT, Site, words, zipped
from tests.factories import prediction_csv, upload


def test_a_file_that_is_too_large_is_told_the_limit_on_the_page_and_by_the_api(site: Site, settings):
    """Codabench #2101: more than 50 MB "Server returned: 0 error"; CodaLab #2687 (merges #2193, #2453, #2495, #2512,
    #2621, #2654) "Sorry, failed to upload file"; EvalAI #3113, #3986: the page hangs."""
    settings.MAX_PREDICTION_FILE_BYTES = 1_000
    content = prediction_csv()
    page = site.post("alice", content)
    assert page.status_code == 422
    assert "The file is larger than 0.001 MB. Send it as a zip." in words(page)
    problem = site["alice"].send(str(site.world.development.pk), content, status=413)
    assert "larger than 0.001 MB" in problem["detail"]
    assert "5 left" in words(site["alice"].look(SUBMIT))
    site.accepted("alice", file=zipped({"output.txt": content}))  # as the message says


def test_an_upload_that_breaks_off_is_no_submission(site: Site):
    """CodaLab #2654, #2719: uploads over a poor connection; av2-api #153: a submission with an empty file."""
    body = encode_multipart(BOUNDARY, {"file": upload(prediction_csv())})
    cut = body.index(b"img_059.png,") + len("img_059.png,2.2")  # what is there would be a complete file
    answer = site["alice"].browser.generic(
        "POST", SUBMIT, body, content_type=MULTIPART_CONTENT, **{"wsgi.input": io.BytesIO(body[:cut])}
    )
    assert answer.status_code == 422
    assert not Submission.objects.exists()
    assert "5 left" in words(site["alice"].look(SUBMIT))


def test_a_damaged_zip_is_told_from_a_wrong_one(site: Site):
    """CodaLab #2193 "Failed to unzip", after fifteen minutes of upload."""
    whole = zipped({"output.txt": prediction_csv()}).read()
    answer = site.post("alice", file=upload(whole[: len(whole) // 2], "submission.zip"))
    assert answer.status_code == 422
    assert "the zip archive is incomplete: its end is missing Zip and upload it again." in words(answer)
