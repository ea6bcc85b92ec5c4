"""`python -m scoring`: what is printed and how it exits; and what importing the library costs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scoring
from scoring.cli import TESTS, _short_names, main
from scoring.comparison import TESTS as KNOWN_TESTS


@pytest.fixture
def files(tmp_path, sample):
    x, y = sample
    names = [f"img_{i:03d}.png" for i in range(x.size)]
    (tmp_path / "p.csv").write_text(
        "".join(f"{name},{value!r}\n" for name, value in zip(names, x.tolist(), strict=True))
    )
    rows = (f"{name},{value!r},{'ab'[i % 2]}\n" for i, (name, value) in enumerate(zip(names, y.tolist(), strict=True)))
    (tmp_path / "k.csv").write_text("name,mos,half\n" + "".join(rows))
    (tmp_path / "n.csv").write_text("name\n" + "\n".join(names))
    return tmp_path


def test_evaluate_prints_the_evaluation_as_json(files, capsys):
    arguments = ["evaluate", "--predictions", str(files / "p.csv"), "--key", str(files / "k.csv")]
    assert main([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown == scoring.evaluate(files / "p.csv", files / "k.csv").to_dict()
    assert {"main", "srocc", "krocc", "plcc", "n", "intervals", "logistic", "subsets"} <= set(shown)
    assert set(shown["subsets"]["half"]) == {"a", "b"}
    assert main([*arguments, "--json", "--bootstrap", "0", "--formula", "krocc"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["main"] == shown["krocc"]
    assert shown["intervals"] == {}


def test_evaluate_prints_a_table(files, capsys):
    assert main(["evaluate", "--predictions", str(files / "p.csv"), "--key", str(files / "k.csv")]) == 0
    out = capsys.readouterr().out
    expected = scoring.evaluate(files / "p.csv", files / "k.csv", bootstrap=0)
    assert f"srocc           {expected.srocc:8.4f}  [" in out
    assert "half=a: n 200" in out


def test_evaluate_prints_the_further_criteria_when_asked(files, capsys):
    rows = (files / "k.csv").read_text().splitlines()[1:]
    (files / "k2.csv").write_text("name,mos,half,mos_std,n_ratings\n" + "".join(f"{row},0.8,21\n" for row in rows))
    arguments = ["evaluate", "--predictions", str(files / "p.csv"), "--key", str(files / "k2.csv"), "--criteria"]
    expected = scoring.evaluate(files / "p.csv", files / "k2.csv", bootstrap=0, criteria=True)
    assert main([*arguments, "--json", "--bootstrap", "0"]) == 0
    assert json.loads(capsys.readouterr().out) == expected.to_dict()
    assert main(arguments) == 0
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in capsys.readouterr().out.splitlines()}
    assert lines["auc_bw"] == f"{expected.criteria['auc_bw']:.4f}"
    assert lines["pairs_different"] == f"{expected.criteria['pairs_different']:,d}"
    assert lines["pair_accuracy_within"] == "undefined: the answer key has no column pair_group"


def test_presets_are_listed_and_chosen_by_name(files, capsys):
    assert main(["presets"]) == 0
    out = capsys.readouterr().out
    assert "ntire2024-aigc: (srocc + plcc) / 2\n    NTIRE 2024" in out
    assert "    rank1: " in out
    assert main(["presets", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["ntire2021-pipal"]["text"] == "srocc + plcc"
    arguments = ["evaluate", "--predictions", str(files / "p.csv"), "--key", str(files / "k.csv"), "--bootstrap", "0"]
    assert main([*arguments, "--preset", "ntire2021-pipal", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["main"] == shown["srocc"] + shown["plcc"]
    for wrong, says in [
        (["--preset", "ntire2024-kvq"], "needs more than predictions and MOS"),
        (["--preset", "none"], "unknown preset"),
        (["--preset", "ntire2021-pipal", "--formula", "srocc"], "not allowed with"),
    ]:
        with pytest.raises(SystemExit) as caught:
            main([*arguments, *wrong])
        assert caught.value.code == 2
        assert says in capsys.readouterr().err


@pytest.mark.parametrize("as_json", [False, True])
def test_validate_lists_every_error_with_its_line_and_exits_1(files, capsys, as_json):
    lines = (files / "p.csv").read_text().splitlines()
    lines[4], lines[9] = "img_004.png;1", "img_009.png,nan"
    (files / "bad.csv").write_text("\n".join(lines[:-1]))
    arguments = ["validate", "--predictions", str(files / "bad.csv"), "--names", str(files / "n.csv")]
    assert main([*arguments, "--json"] if as_json else arguments) == 1
    out = capsys.readouterr().out
    if as_json:
        found = [(problem["code"], problem["line"]) for problem in json.loads(out)["problems"]]
        assert found == [("wrong_delimiter", 5), ("not_finite", 10), ("missing_names", None)]
    else:
        assert "bad.csv:5:" in out
        assert "bad.csv:10:" in out
        assert "1 name missing: 'img_399.png'" in out


def test_validate_accepts_a_good_file(files, capsys):
    assert main(["validate", "--predictions", str(files / "p.csv"), "--names", str(files / "n.csv")]) == 0
    assert "400 rows, no problem found" in capsys.readouterr().out
    assert main(["validate", "--predictions", str(files / "p.csv"), "--names", str(files / "k.csv")]) == 0


def test_refused_files_and_wrong_command_lines_have_their_own_status(files, capsys):
    (files / "bad.csv").write_text("img_000.png,1\n")
    both = ["evaluate", "--predictions", str(files / "bad.csv"), "--key", str(files / "k.csv")]
    assert main(both) == 1
    assert "399 names missing" in capsys.readouterr().out
    assert main(["evaluate", "--predictions", str(files / "p.csv"), "--key", str(files / "bad.csv"), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["ok"] is False
    assert main(["evaluate", "--predictions", str(files / "absent.csv"), "--key", str(files / "k.csv")]) == 2
    assert "absent.csv" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main([*both, "--formula", "nonsense"])
    assert caught.value.code == 2
    assert "unknown metric" in capsys.readouterr().err


def test_an_answer_key_in_the_message_never_shows_a_mos(files, capsys):
    (files / "k2.csv").write_text("name,mos\na.png,1.23456\na.png,6.54321\n")
    assert main(["evaluate", "--predictions", str(files / "p.csv"), "--key", str(files / "k2.csv")]) == 1
    out = capsys.readouterr().out
    assert "k2.csv:3" in out
    assert "23456" not in out
    assert "54321" not in out


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


def test_importing_is_lazy_and_never_needs_scipy_or_pandas():
    heavy = "print(*[m for m in ('numpy', 'scipy', 'pandas', 'django', 'scoring.descent') if m in sys.modules])"
    assert run(f"import sys, scoring; {heavy}") == []
    assert set(run(f"import sys, scoring.predictions; {heavy}")) == {"numpy"}
    code = "import sys, scoring; scoring.evaluate({str(i): i % 7 for i in range(20)}, {str(i): i for i in range(20)}); "
    assert set(run(code + heavy)) == {"numpy", "scoring.descent"}


def test_python_dash_m_scoring_runs(files):
    command = [sys.executable, "-m", "scoring", "validate", "--predictions", str(files / "p.csv")]
    done = subprocess.run(
        [*command, "--names", str(files / "n.csv"), "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"] == 400


def test_the_public_names_are_all_there():
    for name in scoring.__all__:
        assert getattr(scoring, name) is not None
    with pytest.raises(AttributeError):
        scoring.nothing  # noqa: B018
    assert np.isfinite(scoring.plcc(np.arange(12.0), np.arange(12.0) ** 2))


@pytest.fixture
def more_files(files, sample):
    x, _ = sample
    rng = np.random.default_rng(0)
    for name, values in (("same", x * 2), ("worse", x + rng.normal(0, 2, x.size)), ("constant", x * 0)):
        rows = (f"img_{i:03d}.png,{value!r}\n" for i, value in enumerate(values.tolist()))
        (files / f"{name}.csv").write_text("".join(rows))
    return [str(files / f"{name}.csv") for name in ("worse", "constant", "p", "same")]


def test_compare_prints_what_the_library_finds(files, more_files, capsys):
    arguments = ["compare", "--key", str(files / "k.csv"), *more_files, "--bootstrap", "100", "--seed", "2"]
    assert main([*arguments, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    names = ("worse", "constant", "p", "same")
    evaluations = {name: scoring.evaluate(files / f"{name}.csv", files / "k.csv", bootstrap=0) for name in names}
    assert shown == scoring.compare(evaluations, resamples=100, seed=2).to_dict()
    assert main([*arguments, "--metric", "plcc", "--test", "steiger"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "steiger test, Holm's correction over 3 pairs" in lines[0]
    assert [line.split()[:4] for line in lines[2:5]] == [
        ["1", "1-1", "1", "p"],
        ["1", "1-1", "1", "same"],
        ["2", "2-2", "2", "worse"],
    ]
    assert lines[5].split()[:3] == ["-", "constant", "undefined:"]


def test_compare_says_which_file_it_refuses(files, more_files, capsys):
    (files / "short.csv").write_text("img_000.png,1\n")
    assert main(["compare", "--key", str(files / "k.csv"), more_files[0], str(files / "short.csv")]) == 1
    assert "short.csv: " in capsys.readouterr().out
    (files / "bad-key.csv").write_text("name,mos\na,x\n")
    assert main(["compare", "--key", str(files / "bad-key.csv"), more_files[0]]) == 1
    assert "bad-key.csv" in capsys.readouterr().out
    assert main(["compare", "--key", str(files / "k.csv"), more_files[0], "--test", "steiger"]) == 2
    assert "not main" in capsys.readouterr().err
    assert main(["compare", "--key", str(files / "k.csv"), more_files[0], "--formula", "pair_accuracy"]) == 2
    assert "not computed on resamples" in capsys.readouterr().err
    assert main(["compare", "--key", str(files / "k.csv"), more_files[0], str(files / "none.csv")]) == 2


def test_files_of_the_same_name_are_told_apart():
    assert _short_names([Path("a/x.csv"), Path("b/y.csv")]) == ["x", "y"]
    assert _short_names([Path("a/x.csv"), Path("b/x.csv")]) == ["a/x.csv", "b/x.csv"]
    assert _short_names([Path("x.csv"), Path("x.csv")]) == ["1: x.csv", "2: x.csv"]
    assert TESTS == KNOWN_TESTS
