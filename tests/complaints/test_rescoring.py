"""F. Rescoring: all files by the new key and formula at once, old scores are history."""

import re

import scoring
from tests.complaints.conftest import HOME, Site, words
from tests.factories import new_answer_key, prediction_csv
from tests.rescorings.conftest import corrected_key


def test_scoring_again_reaches_every_file_once_and_keeps_the_old_score_as_history(site: Site, tmp_path):
    """Codabench #2128: the re-run still uses the old scorer; #2224: all old scores are N/A; CodaLab #3339, #3000: new
    reference data leave old scores. EvalAI #2361, #4082: a team has two rows after a re-run."""
    pages = {"Aces": site.accepted("alice", prediction_csv(0.3)), "Rivals": site.accepted("mallory", seed="")}
    site.work()
    before = {name: row["main"] for name, row in site.board().items()}
    new_answer_key(site.world.development, corrected_key())
    page = f"{HOME}development/rescoring/"
    key = re.search(r'<option value="(\d+|[0-9a-f-]{36})"[^>]*>[^<]*2', site["organiser"].look(page))
    assert key
    done = site["organiser"].fill(page, answer_key=key[1], formula="srocc", reason="MOS were mixed up")
    site.work()
    assert {name: row["main"] for name, row in site.board().items()} == before  # nothing half done is shown
    rescoring = done.redirect_chain[-1][0]
    site["organiser"].browser.post(f"{rescoring}publish/")
    (tmp_path / "key.csv").write_bytes(corrected_key())
    rows = site.board()
    assert sorted(rows) == ["Aces", "Rivals"]
    for name, content in (("Aces", prediction_csv(0.3)), ("Rivals", prediction_csv())):
        (tmp_path / "file.csv").write_bytes(content)
        expected = scoring.evaluate(tmp_path / "file.csv", tmp_path / "key.csv", [], bootstrap=0)
        assert float(rows[name]["main"]) == expected.to_dict()["srocc"]
    text = words(site["alice"].look(pages["Aces"]))
    assert f"{float(rows['Aces']['main']):.4f}" in text
    assert f"{float(before['Aces']):.4f}" in text
