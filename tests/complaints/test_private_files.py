"""I. Secrecy and access: files and lists are for those whose they are."""

import io
import re
import uuid
import zipfile

from tests.complaints.conftest import HOME, Site
from tests.factories import prediction_csv

FILES = f"{HOME}desk/submissions.zip"


def test_a_submission_does_not_exist_for_other_teams_by_any_of_its_addresses(site: Site):
    """Codabench #1824: anyone can download others' submissions by counting ids; #1067, #971 to #973: lists and files
    show to the wrong people; CodaLab #1944, #2030."""
    page = site.accepted("alice")
    site.work()
    own = site["alice"].look(page)
    addresses = set(re.findall(rf'"({page}[^"]*)"', own)) | {page, f"{page}file/", f"{page}row/", f"{page}status/"}
    assert len(addresses) > 5
    key = page.split("/")[2]
    assert uuid.UUID(key).version == 4  # random: nothing to count
    for name in ("mallory", "outsider", "other_organiser"):
        assert {site[name].browser.get(address).status_code for address in addresses} == {404}
        for path in (f"submissions/{key}", f"submissions/{key}/file", f"submissions/{key}/events"):
            site[name].ask(path, status=404)
    assert key not in site["mallory"].look(f"{HOME}submissions/")
    assert key not in site["mallory"].look(f"{HOME}development/leaderboard/")
    assert site["bob"].browser.get(f"{page}file/").getvalue() == prediction_csv()


def test_all_files_are_one_download_for_the_organisers_of_their_challenge_alone(site: Site):
    """Codabench #1824: the bulk download asks nobody who they are; #1822, #2184, #1305, #1232: or it never answers;
    #1551: files of one name are not told apart, and damaged."""
    files = {"Aces": prediction_csv(seed=1), "Rivals": prediction_csv(seed=2)}
    for name, team in (("alice", "Aces"), ("mallory", "Rivals")):
        site.accepted(name, files[team])
    for name in ("alice", "outsider", "other_organiser"):
        assert site[name].browser.get(FILES).status_code == 404
    answer = site["organiser"].browser.get(FILES)
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    assert archive.testzip() is None
    found = {tuple(name.split("/")[:2]): archive.read(name) for name in archive.namelist()}
    assert found == {("development", team): content for team, content in files.items()}
    some = site["organiser"].browser.get(f"{FILES}?q=rivals")
    assert len(zipfile.ZipFile(io.BytesIO(some.getvalue())).namelist()) == 1


def test_a_file_that_is_lost_does_not_cost_the_others(site: Site):
    """Codabench #1822: one bad file, and the whole download hangs."""
    site.accepted("alice", prediction_csv(seed=1))
    site.accepted("mallory", prediction_csv(seed=2))
    lost = site.world.team.submissions.get()
    lost.file.storage.delete(str(lost.file.name))
    answer = site["organiser"].browser.get(FILES)
    archive = zipfile.ZipFile(io.BytesIO(answer.getvalue()))
    sizes = {name.split("/")[1]: (name.endswith(".unreadable.txt"), archive.read(name)) for name in archive.namelist()}
    assert sizes == {
        "Aces": (True, b"The stored file cannot be read.\n"),
        "Rivals": (False, prediction_csv(seed=2)),
    }
