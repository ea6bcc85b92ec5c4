"""Tables of ratings: every fault by line, the same result from every kind of source, memory and order."""

import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.ratings import COLUMNS, InvalidRatings, Ratings, read_ratings

GOOD = "subject,image,session,rating\ns1,a.png,1,3.5\ns2,a.png,1,4\ns1,b.png,2,0\ns2,b.png,1,5\n"


def problems(text, **options):
    with pytest.raises(InvalidRatings) as caught:
        read_ratings(text.encode() if isinstance(text, str) else text, **options)
    return [(problem.code, problem.line) for problem in caught.value.report.problems]


def report_of(content):
    try:
        return read_ratings(content).report
    except InvalidRatings as error:
        return error.report


def same(one: Ratings, other: Ratings) -> bool:
    names = ("subjects", "images", "sessions")
    arrays = ("subject", "image", "session", "rating")
    return all(getattr(one, name) == getattr(other, name) for name in names) and all(
        np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays
    )


def test_a_good_file_is_read_in_canonical_order():
    ratings = read_ratings(GOOD.encode())
    assert ratings.subjects == ("s1", "s2")
    assert ratings.images == ("a.png", "b.png")
    assert ratings.sessions == ("1", "2")
    assert ratings.image.tolist() == [0, 0, 1, 1]
    assert ratings.subject.tolist() == [0, 1, 0, 1]
    assert ratings.session.tolist() == [0, 0, 1, 0]
    assert ratings.rating.tolist() == [3.5, 4, 0, 5]
    assert len(ratings) == ratings.report.rows == 4
    assert ratings.report.ok


def test_every_kind_of_source_gives_the_same(tmp_path):
    expected = read_ratings(GOOD.encode())
    (tmp_path / "r.csv").write_text(GOOD)
    frame = pd.read_csv(io.StringIO(GOOD))
    rows = [line.split(",") for line in GOOD.splitlines()[1:]]
    sources = [
        tmp_path / "r.csv",
        str(tmp_path / "r.csv"),
        io.BytesIO(GOOD.encode()),
        frame,
        frame.to_dict("list"),
        rows,
        iter(rows),
        expected,
        ("\ufeff" + GOOD.replace("\n", "\r\n")).encode(),
        GOOD.replace("\n", "\r").encode(),
        GOOD.replace(",", " , ").replace("\n", "\n\n").encode(),
        GOOD.replace("a.png", '"a.png"').encode(),
        b"rating,Session,IMAGE,subject\n" + "".join(",".join(reversed(row)) + "\n" for row in rows).encode(),
    ]
    for source in sources:
        assert same(read_ratings(source), expected), source


def test_a_table_without_sessions_is_one_session():
    ratings = read_ratings(b"subject,image,rating\ns1,a,1\ns2,a,2\n")
    assert ratings.sessions == ("",)
    assert same(ratings, read_ratings([("s1", "a", None, 1), ("s2", "a", float("nan"), 2)]))
    partly = read_ratings(b"subject,image,session,rating\ns1,a,,1\ns2,a,1,2\n")
    assert partly.sessions == ("", "1")
    assert [(warning.code, warning.message) for warning in partly.report.warnings] == [
        ("empty_session", "ratings without a session (1) are taken as one session")
    ]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("s1,c.png,1,good", "bad_rating"),
        ("s1,c.png,1,", "bad_rating"),
        ("s1,c.png,1,nan", "bad_rating"),
        ("s1,c.png,1,inf", "bad_rating"),
        ("s1,c.png,1,1_0", "bad_rating"),
        ("s1,c.png,1,5.1", "out_of_scale"),
        ("s1,c.png,1,-0.1", "out_of_scale"),
        (",c.png,1,3", "empty_name"),
        ("s1, ,1,3", "empty_name"),
        ("s1,c.png,1,3,5", "columns"),
        ("s1,c.png,3", "columns"),
        ("s2,a.png,7,3", "duplicate_rating"),
        ('"s1,c.png,1,3', "bad_quotes"),
        ('s1,"c"png,1,3', "bad_quotes"),
    ],
)
def test_a_faulty_row_is_one_problem_at_its_line(line, code):
    assert problems(GOOD + line + "\n") == [(code, 6)]
    assert problems(GOOD + "\n" + line + "\n") == [(code, 7)]


def test_a_quotation_mark_left_open_does_not_hide_the_other_faults():
    assert problems(GOOD + 's1,c.png,1,x\ns1,"d.png,1,2\ns1,e.png",1,2\ns1,f.png,1,9\n') == [
        ("bad_quotes", 7),
        ("bad_rating", 6),
        ("out_of_scale", 9),
    ]
    stops = GOOD + 's1,c.png,1,x\ns1,"d.png,1,2\ns1,"e.png,1,2\ns1,f.png,1,9\n'
    assert problems(stops) == [("bad_rating", 6), ("bad_quotes", 7)]


def test_messages_name_the_line_the_text_and_the_fix():
    with pytest.raises(InvalidRatings) as caught:
        read_ratings((GOOD + "s1,c.png,1,good\ns1,b.png,9,2\n").encode())
    bad, repeated = caught.value.report.problems
    assert bad.message == "line 6: the rating is 'good', not a number"
    assert repeated.message == "line 7: subject 's1' rated 'b.png' on line 4 already"
    assert "--duplicates average" in repeated.fix
    assert "line 6" in str(caught.value)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("subject,image,session,rating,device", [("unknown_column", 1)]),
        ("subject,image,rating,rating", [("repeated_column", 1)]),
        ("subject,picture,rating", [("no_header", 1)]),
        ("s1,a.png,1,3.5", [("no_header", 1)] * 3),
        ("subject;image;session;rating", [("wrong_delimiter", 1)]),
        ("", [("no_header", 1)]),
    ],
)
def test_a_faulty_header_stops_there(header, expected):
    assert problems(f"{header}\n,,,\n") == expected if header else problems(",,,\n") == expected


def test_files_that_are_no_text_and_empty_ones_are_refused(monkeypatch):
    assert problems("") == [("empty_file", None)]
    assert problems("subject,image,session,rating\n") == [("empty_file", None)]
    assert problems(GOOD.encode("utf-16")) == [("utf16", 1)]
    assert problems(GOOD.encode() + b"\xff,a,1,1\n") == [("not_utf8", 6)]
    with pytest.raises(FileNotFoundError):
        read_ratings("/nonexistent/r.csv")
    monkeypatch.setattr("scoring.ratings.MAX_BYTES", 20)
    assert problems(GOOD) == [("too_large", None)]


def test_a_scale_can_be_declared_and_a_wrong_one_is_one_problem():
    text = "subject,image,rating\n" + "".join(f"s1,{i}.png,{i + 50}\n" for i in range(40))
    assert problems(text) == [("out_of_scale", 2)]
    ratings = read_ratings(text.encode(), scale=(0, 100))
    assert ratings.scale == (0.0, 100.0)
    assert ratings.rating.max() == 89
    with pytest.raises(ValueError, match="must rise"):
        read_ratings(text.encode(), scale=(5, 0))


def test_repeated_ratings_are_averaged_where_that_is_asked_for():
    text = GOOD + "s1,a.png,3,0.5\ns1,a.png,3,5\n"
    assert problems(text) == [("duplicate_rating", 6), ("duplicate_rating", 7)]
    ratings = read_ratings(text.encode(), duplicates="average")
    assert len(ratings) == 6
    cells = ratings.cells()
    assert cells.image.tolist() == [0, 0, 1, 1]
    assert cells.subject.tolist() == [0, 1, 0, 1]
    assert cells.value.tolist() == [3, 4, 0, 5]
    with pytest.raises(ValueError, match="duplicates must be one of"):
        read_ratings(text.encode(), duplicates="keep")


def test_rows_of_tables_in_memory_are_checked_as_well():
    with pytest.raises(InvalidRatings) as caught:
        read_ratings([("s1", "a", 1, 2), ("s1", "b", 1, None), (None, "c", 1, 2), ("s1", "d", 1, 7), ("s1", "a", 2, 3)])
    found = [(problem.code, problem.message.split(":")[0]) for problem in caught.value.report.problems]
    assert found == [
        ("bad_rating", "row 2"),
        ("empty_name", "row 3 has no subject"),
        ("out_of_scale", "row 4"),
        ("duplicate_rating", "row 5"),
    ]
    with pytest.raises(ValueError, match="row 2 has 3 values"):
        read_ratings([("s1", "a", 1, 2), ("s1", "b", 1)])
    with pytest.raises(ValueError, match="different lengths"):
        read_ratings({"subject": ["s1"], "image": ["a", "b"], "rating": [1, 2]})


def test_faults_are_found_in_every_part_of_a_large_file():
    lines = [f"s{i % 7},{i // 7}.png,1,{i % 6}" for i in range(7000)]
    for i in (0, 999, 1023, 1024, 5000, 6999):
        lines[i] = lines[i][:-1] + "x"
    text = "\n".join(["subject,image,session,rating", *lines])
    assert problems(text) == [("bad_rating", i + 2) for i in (0, 999, 1023, 1024, 5000, 6999)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet='abs1,2.5"\n\r;\t -é', max_size=30), max_size=8))
def test_whatever_is_in_a_file_it_is_read_or_refused_by_line(lines):
    content = "\n".join(["subject,image,session,rating", *lines]).encode()
    report = report_of(content)
    lines_there = content.count(b"\n") + content.count(b"\r") + 1
    assert all(p.line is None or 1 <= p.line <= lines_there for p in report.problems)
    assert report.ok == (report.problem_count == 0)


@settings(max_examples=50, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random):
    rows = [(f"s{i % 3}", f"{i // 3}.png", str(i % 2), float(i % 6)) for i in range(30)]
    rows += [("s1", "2.png", "0", 2.5), ("s1", "2.png", "1", 2.5), ("s1", "2.png", "1", 0.5)]
    expected = read_ratings(rows, duplicates="average")
    shuffled = list(rows)
    random.shuffle(shuffled)
    assert same(read_ratings(shuffled, duplicates="average"), expected)
    assert COLUMNS == ("subject", "image", "session", "rating")


def test_ratings_of_some_images_are_those_of_a_file_without_the_others():
    content = GOOD + "s1,c.png,2,1\ns2,c.png,2,2\n"
    alone = "".join(line for line in content.splitlines(keepends=True) if ",b.png," not in line)
    assert same(read_ratings(content.encode()).of_images({"a.png", "c.png", "x.png"}), read_ratings(alone.encode()))
