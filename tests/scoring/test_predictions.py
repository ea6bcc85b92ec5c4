"""Prediction files as participants write them: what is read, what is refused, and the words used."""

import io
import json
import time
from typing import IO, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.predictions import MAX_BYTES, MAX_SHOWN, InvalidPredictions, read_predictions, validate

NAMES = ["a.png", "b.png", "c.png"]
GOOD = "a.png,1.5\nb.png,-2e-3\nc.png,3\n"


def problems(content, names=NAMES, **kwargs):
    report = validate(content.encode() if isinstance(content, str) else content, names, **kwargs)
    return [(problem.code, problem.line) for problem in report.problems]


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        "name,score\n" + GOOD,
        "Image,Prediction\n" + GOOD,
        "bild,wert\n" + GOOD,
        "\ufeff" + GOOD,
        "\ufeffname,score\n" + GOOD,
        GOOD.replace("\n", "\r\n"),
        GOOD.replace("\n", "\r"),
        GOOD.rstrip("\n"),
        "\n\n" + GOOD.replace("\n", "\n\n"),
        " a.png , 1.5 \nb.png,\t-0.002\n  c.png,3",
        '"a.png","1.5"\n"b.png",-0.002\nc.png,"+3.0E0"',
        '"name","score"\n' + GOOD,
        "c.png,3\na.png,1.5\nb.png,-.002",
    ],
)
def test_the_usual_layouts_are_read(content):
    found = read_predictions(content.encode(), NAMES)
    assert found.as_mapping() == {"a.png": 1.5, "b.png": -0.002, "c.png": 3.0}
    assert found.scores.dtype == np.float64
    assert found.report.rows == 3


def test_paths_bytes_and_streams_give_the_same(tmp_path):
    path = tmp_path / "p.csv"
    path.write_bytes(GOOD.encode())
    expected = read_predictions(GOOD.encode(), NAMES).as_mapping()
    assert read_predictions(path, NAMES).as_mapping() == expected
    assert read_predictions(str(path), NAMES).as_mapping() == expected
    assert read_predictions(io.BytesIO(GOOD.encode()), NAMES).as_mapping() == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a.png;1\nb.png,2\nc.png,3", [("wrong_delimiter", 1)]),
        ("a.png,1\nb.png\t2\nc.png,3", [("wrong_delimiter", 2)]),
        ("a.png,1\nb.png 2\nc.png,3", [("wrong_delimiter", 2)]),
        ("a.png,1\nb.png|2\nc.png,3", [("wrong_delimiter", 2)]),
        ("a.png,1\nb.png;2,5\nc.png,3", [("wrong_delimiter", 2)]),
        ("a.png;1\nb.png;2\nc.png;3", [("wrong_delimiter", 1)]),
        ("name;score\na.png;1\nb.png;2\nc.png;3", [("wrong_delimiter", 2)]),
        ("a.png,1\nb.png,2,5\nc.png,3", [("decimal_comma", 2)]),
        ('a.png,1\n"b.png","2,5"\nc.png,3', [("decimal_comma", 2)]),
        ("a.png,1,2\nb.png,2,5\nc.png,3,1", [("decimal_comma", 1)]),
        ("a.png,1\nimages/b.png,2\nc.png,3", [("path_in_name", 2)]),
        ("a.png,1\nC:\\x\\b.png,2\nc.png,3", [("path_in_name", 2)]),
        ("t/a.png,1\nt/b.png,2\nt/c.png,3", [("path_in_name", 1)]),
        ("a.png,1\nb.png,2,x\nc.png,3", [("extra_columns", 2)]),
        ("name,score,prompt\na.png,1,x\nb.png,2,y\nc.png,3,z", [("extra_columns", 2)]),
        (",name,score\n0,a.png,1\n1,b.png,2\n2,c.png,3", [("extra_columns", 2)]),
        ("a.png,1,\nb.png,2,\nc.png,3,", [("extra_columns", 1)]),
        ("a.png,1\nb.png\nc.png,3", [("empty_score", 2)]),
        ("a.png,1\nb.png,\nc.png,3", [("empty_score", 2)]),
        ("a.png,1\n,2\nb.png,2\nc.png,3", [("empty_name", 2)]),
        ("a.png,1\nb.png,good\nc.png,3", [("bad_score", 2)]),
        ("a.png,1\nb.png,1_0\nc.png,3", [("bad_score", 2)]),
        ("a.png,1\nb.png,٣\nc.png,3", [("bad_score", 2)]),
        ("a.png,1\nb.png,0x10\nc.png,3", [("bad_score", 2)]),
        ("a.png,nan\nb.png,-inf\nc.png,1e999", [("not_finite", 1), ("not_finite", 2), ("not_finite", 3)]),
        ("a.png,1\nb.png,2\na.png,1\nc.png,3", [("duplicate_name", 3)]),
        ("a.png,1\nb.png,2\nc.png,3\nd.png,4", [("unknown_name", 4)]),
        ("a.png,1\nB.PNG,2\nc.png,3", [("similar_name", 2)]),
        ("a.png,1\nb.jpg,2\nc,3", [("similar_name", 2), ("similar_name", 3)]),
        ("a.png,1\nc.png,3", [("missing_names", None)]),
        ("a.png,1\n2,b.png\nc.png,3", [("swapped_columns", 2)]),
        ("score,name\n1,a.png\n2,b.png\n3,c.png", [("swapped_columns", 2)]),
        ("score,name\na.png,1\nb.png,2\nc.png,3", [("swapped_header", 1)]),
        ('a.png,1\n"b.png,2\nc.png,3', [("bad_quotes", 2), ("missing_names", None)]),
        ("a.png,1\nb.png," + "1" * 5000 + "\nc.png,3", [("line_too_long", 2), ("missing_names", None)]),
        ("", [("empty_file", None)]),
        ("\ufeff \r\n\n", [("empty_file", None)]),
        ("name,score\n", [("empty_file", None)]),
        ("a.png,1\nb.png,\0\nc.png,3", [("nul_byte", 2)]),
        (b"a.png,1\r\nb\xe9.png,2\r\nc.png,3", [("not_utf8", 2)]),
        (b"a.png,1\rb.png,2\r\xff.png,3", [("not_utf8", 3)]),
        (GOOD.encode("utf-16"), [("utf16", 1)]),
        (GOOD.encode("utf-16-le"), [("utf16", 1)]),
        (GOOD.encode("utf-16-be"), [("utf16", 1)]),
        (b"\x1f\x8b\x08\0\0", [("wrong_format", None)]),
        (b"\x89PNG\r\n\x1a\n", [("wrong_format", None)]),
    ],
)
def test_every_fault_is_named_with_its_line(content, expected):
    assert problems(content) == expected


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a.png,1\nB.PNG,2\nc.png,3", ["'B.PNG'", "'b.png'"]),
        ("a.png,1\nx\\b.png,2\nc.png,3", ["folder", "'b.png'"]),
        ("a.png,1\nb.png;2,5\nc.png,3", ["semicolon", "comma", "point"]),
        ("a.png,1\nb.png,2,5\nc.png,3", ["decimal comma", "2.5"]),
        ("name,score,prompt\na.png,1,x\nb.png,2,\nc.png,3,z", ["'prompt'"]),
        (",name,score\n0,a.png,1\n1,b.png,2\n2,c.png,3", ["index=False"]),
        (b"a.png,1\r\nb\xe9.png,2", ["0xE9", "byte 11", "UTF-8"]),
        ("a.png,1\nb.png,2\na.png,1\nc.png,3", ["'a.png'", "line 1"]),
        ("a.png,1", ["2 names missing", "'b.png'", "'c.png'"]),
    ],
)
def test_messages_name_the_culprit_and_the_fix(content, words):
    report = validate(content.encode() if isinstance(content, str) else content, NAMES)
    text = " ".join(f"{problem.message} {problem.fix}" for problem in report.problems)
    for word in words:
        assert word in text


def test_names_that_are_paths_or_hold_delimiters_are_fine_when_the_list_has_them():
    names = ["x/a.png", "b;c.png", "d e.png", "12"]
    assert problems("x/a.png,1\nb;c.png,2\nd e.png,3\n12,4\n", names) == []


def test_an_ambiguous_suggestion_is_not_made():
    assert problems("A.png,1\na.PNG,2\nA.PNG,3", ["a.PNG", "A.png"]) == [("unknown_name", 3)]


def test_without_a_list_any_name_will_do_but_the_format_is_checked():
    assert problems("x.png,1\ny.png,2", None) == []
    assert problems("x.png,1\nd/y.png,2\nx.png,3\nz.png", None) == [
        ("path_in_name", 2),
        ("duplicate_name", 3),
        ("empty_score", 4),
    ]


def test_all_faults_are_counted_and_the_first_hundred_shown():
    names = [f"i{i}.png" for i in range(500)]
    content = "\n".join(f"{name},bad" for name in names[:400])
    report = validate(content.encode(), names)
    assert report.problem_count == 401
    assert len(report.problems) == MAX_SHOWN
    assert [problem.line for problem in report.problems[:3]] == [1, 2, 3]
    assert report.problems[-1].code == "missing_names"
    assert "400 scores are not numbers" in report.summary
    assert "100 names missing: first 'i400.png'" in report.summary
    assert report.missing == tuple(names[400:500])


def test_constant_scores_are_accepted_with_a_warning():
    report = validate(b"a.png,1\nb.png,1\nc.png,1.0", NAMES)
    assert report.ok
    assert [warning.code for warning in report.warnings] == ["constant_scores"]


def test_control_characters_and_long_names_are_tamed_in_messages():
    report = validate(("a.png,1\n\x1b[31m" + "x" * 500 + ",2\nb.png,1\nc.png,1").encode(), NAMES)
    message = report.problems[0].message
    assert "\x1b" not in message
    assert len(message) < 200


def test_reports_are_json_safe_and_errors_carry_them():
    with pytest.raises(InvalidPredictions) as caught:
        read_predictions(b"a.png,nan", NAMES)
    report = json.loads(json.dumps(caught.value.report.to_dict(), allow_nan=False))
    assert report["ok"] is False
    assert report["problem_count"] == 2
    assert {"code", "line", "message", "fix"} == set(report["problems"][0])
    assert str(caught.value) == report["summary"]


def test_a_file_called_zip_that_is_none_is_named():
    assert problems(GOOD, filename="output.zip") == [("damaged_zip", None)]


def test_huge_files_stop_at_the_cap():
    class Endless(io.RawIOBase):
        served = 0

        def read(self, size=-1):
            assert size > 0
            self.served += size
            return b"x" * size

    stream = Endless()
    assert [problem.code for problem in validate(cast(IO[bytes], stream), NAMES).problems] == ["too_large"]
    assert stream.served == MAX_BYTES + 1


def test_too_many_rows_stop_the_reading(monkeypatch):
    monkeypatch.setattr("scoring.predictions.MAX_ROWS", 10)
    content = "\n".join(f"{i}.png,{i}" for i in range(100))
    assert problems(content, None) == [("too_many_rows", 11)]


@pytest.mark.parametrize("line", ["x{}.png;1\n", "x{}.png,1\n", "\n"])
def test_hostile_files_are_given_up_on_early_and_nothing_is_called_missing(line):
    content = "".join(line.format(i) for i in range(200_000))
    start = time.perf_counter()
    report = validate(("a.png,1\n" + content).encode(), NAMES)
    assert time.perf_counter() - start < 1.0
    assert report.problems[-1].code == "too_many_rows"
    assert "reading stopped" in report.summary
    assert report.missing == ()


def test_four_thousand_rows_are_validated_in_a_few_milliseconds():
    names = [f"Generator_{i:05d}.png" for i in range(4000)]
    content = "\n".join(f"{name},{i / 7:.9f}" for i, name in enumerate(names)).encode()
    times = []
    for _ in range(7):
        start = time.perf_counter()
        assert validate(content, names).ok
        times.append(time.perf_counter() - start)
    assert min(times) < 0.020


name_characters = st.characters(
    codec="utf-8",
    exclude_characters=',;|/\\"\ufeff',
    exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs"),
)
name_texts = st.text(name_characters, min_size=1, max_size=12).map(lambda text: text + ".png")
score_floats = st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.dictionaries(name_texts, score_floats, min_size=1, max_size=20),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_what_is_written_is_read_back_exactly(scores, header, mark, quotes, newline):
    rows = [f'"{name}","{score!r}"' if quotes else f"{name},{score!r}" for name, score in scores.items()]
    text = ("\ufeff" if mark else "") + newline.join(["name,score"] * header + rows)
    assert read_predictions(text.encode(), list(scores)).as_mapping() == scores


@settings(max_examples=300)
@given(st.binary(max_size=300), st.sampled_from([None, NAMES]))
def test_arbitrary_bytes_never_raise(content, names):
    report = validate(content, names)
    assert report.ok == (report.problem_count == 0)
    json.dumps(report.to_dict(), allow_nan=False)


@settings(max_examples=300)
@given(st.text("ab.png,;\t\"'01-e \n\r\ufeffnameso/\\", max_size=80), st.sampled_from([None, NAMES]))
def test_almost_csv_never_raises_and_no_accepted_row_is_invented(content, names):
    report = validate(content.encode(), names)
    if report.ok:
        found = read_predictions(content.encode(), names)
        assert np.isfinite(found.scores).all()
        assert len(found.names) == len(set(found.names)) == report.rows
        if names is not None:
            assert set(found.names) == set(names)


FAULTS = {
    "bad_score": lambda name: f"{name},abc",
    "not_finite": lambda name: f"{name},inf",
    "empty_score": lambda name: f"{name},",
    "wrong_delimiter": lambda name: f"{name};1.5",
    "decimal_comma": lambda name: f"{name},1,5",
    "path_in_name": lambda name: f"test/{name},1",
    "extra_columns": lambda name: f"{name},1,abc",
    "similar_name": lambda name: f"{name.upper()},1",
    "unknown_name": lambda name: f"no_such_{name},1",
    "swapped_columns": lambda name: f"1.5,{name}",
}


@given(st.lists(st.sampled_from([None, None, *FAULTS]), min_size=3, max_size=60), st.booleans())
def test_every_planted_fault_is_reported_on_its_line(plan, header):
    plan = [None, *plan, None]  # a fault of all lines would be told once
    names = [f"img_{i:03d}.png" for i in range(len(plan))]
    rows = [
        FAULTS[fault](name) if fault else f"{name},{i}" for i, (fault, name) in enumerate(zip(plan, names, strict=True))
    ]
    content = "\n".join(["name,score"] * header + rows)
    expected = [(fault, i + 1 + header) for i, fault in enumerate(plan) if fault]
    if "unknown_name" in plan:
        expected.append(("missing_names", None))
    assert problems(content, names) == expected
