"""Answer keys: what is read, every fault by line, no MOS in any message, and a digest of the content alone."""

import io

import numpy as np
import pandas as pd
import pytest

from scoring import InvalidAnswerKey, evaluate, read_answer_key
from scoring.inputs import as_answer_key

KEY = b"name,mos,model,default\nb.png,2.5,DALLE2,yes\na.png,4.125,SDXL,\n"


def faults(content):
    with pytest.raises(InvalidAnswerKey) as caught:
        read_answer_key(content)
    return [(problem.code, problem.line) for problem in caught.value.report.problems]


def test_names_mos_and_subset_columns_are_read(tmp_path):
    path = tmp_path / "key.csv"
    path.write_bytes(KEY)
    for source in (KEY, path, str(path), io.BytesIO(KEY), b"\xef\xbb\xbf" + KEY.replace(b"\n", b"\r\n")):
        key = read_answer_key(source)
        assert key.names == ("b.png", "a.png")
        assert key.mos.tolist() == [2.5, 4.125]
        assert key.mos.dtype == np.float64
        assert key.subsets == {"model": ["DALLE2", "SDXL"], "default": ["yes", ""]}


def test_two_columns_need_no_header_and_columns_may_come_in_any_order():
    assert read_answer_key(b"a.png,1\nb.png,2").names == ("a.png", "b.png")
    swapped = read_answer_key(b"MOS,set,Name\n1,x,a.png\n")
    assert (swapped.names, swapped.mos.tolist(), swapped.subsets) == (("a.png",), [1.0], {"set": ["x"]})


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", [("empty_file", None)]),
        (b"name,mos\n", [("empty_file", None)]),
        (b"image,value,x\na,1,2\n", [("no_header", 1), ("no_header", 1)]),
        (b"name,mos,x,x\na,1,2,3\n", [("columns", 1)]),
        (b"name,mos,\na,1,2\n", [("columns", 1)]),
        (
            b"name,mos\na,1\na,2\nb,\nc,x\nd,inf\n,3\ne,1,2\n",
            [
                ("duplicate_name", 3),
                ("bad_score", 4),
                ("bad_score", 5),
                ("not_finite", 6),
                ("empty_name", 7),
                ("columns", 8),
            ],
        ),
        (b'name,mos\na,1\n"b,2\n', [("bad_csv", 3)]),
        (b"name,mos\na\xff,1\n", [("not_utf8", 2)]),
    ],
)
def test_every_fault_is_reported_by_line(content, expected):
    assert faults(content) == expected


def test_columns_about_the_ratings_are_numbers_and_no_subsets():
    key = read_answer_key(b"name,MOS,Mos_Std,n_ratings,pair_group,model\na,1,0.5,21,p1,x\nb,2,0,20.0,,y\n")
    assert key.mos_std.tolist() == [0.5, 0.0]
    assert key.n_ratings.tolist() == [21.0, 20.0]
    assert key.pair_group == ["p1", ""]
    assert key.subsets == {"model": ["x", "y"]}
    bare = read_answer_key(KEY)
    assert (bare.mos_std, bare.n_ratings, bare.pair_group) == (None, None, None)


@pytest.mark.parametrize(
    ("column", "cells", "lines"),
    [
        ("mos_std", ["0", "", "x", "-0.1", "nan", "inf", "1e-3"], [3, 4, 5, 6, 7]),
        ("n_ratings", ["1", "", "many", "0", "-3", "2.5", "inf", "21"], [3, 4, 5, 6, 7, 8]),
    ],
)
def test_impossible_deviations_and_counts_are_reported_by_line(column, cells, lines):
    rows = "".join(f"{i}.png,{i},{cell}\n" for i, cell in enumerate(cells))
    assert faults(f"name,mos,{column}\n{rows}".encode()) == [(f"bad_{column}", line) for line in lines]
    frame = pd.DataFrame({"name": list("abcdefgh")[: len(cells)], "mos": 1.0, column: cells})
    with pytest.raises(InvalidAnswerKey) as caught:
        evaluate({}, frame)
    assert [problem.code for problem in caught.value.report.problems] == [f"bad_{column}"] * len(lines)
    assert caught.value.report.problems[0].message == f"b: the {column} is missing or not a number"


def test_a_table_may_hold_the_same_columns():
    frame = pd.DataFrame({"name": ["a", "b"], "mos": [1, 2], "mos_std": [0.5, 0.25], "n_ratings": [21, 20]})
    key = as_answer_key(frame.assign(pair_group=np.array(["p", None], dtype=object)))
    assert (key.mos_std.tolist(), key.n_ratings.tolist(), key.pair_group) == ([0.5, 0.25], [21.0, 20.0], ["p", ""])
    file = read_answer_key(b"name,mos,pair_group,mos_std,n_ratings\na,1,p,0.5,21\nb,2,,0.25,20\n")
    assert key.sha256 == file.sha256


def test_no_message_holds_a_mos():
    with pytest.raises(InvalidAnswerKey) as caught:
        read_answer_key(
            b"name,mos,mos_std\na,1.23456,1\na,2.34567,1\nb,3.45678x,1\n,4.56789,1\nc,5.6789,6.789,1\nd,1,-7.8912\n"
        )
    text = str(caught.value) + str(caught.value.report.to_dict())
    for digits in ("23456", "34567", "45678", "56789", "789", "8912"):
        assert digits not in text


def test_the_digest_depends_on_content_alone():
    digest = read_answer_key(KEY).sha256
    reordered = b'name,default,model,mos\r\n"a.png",,SDXL,4.1250\r\nb.png, yes ,DALLE2,2.5\r\n'
    assert read_answer_key(reordered).sha256 == digest
    assert read_answer_key(KEY.replace(b"4.125", b"4.126")).sha256 != digest
    assert read_answer_key(KEY.replace(b"yes", b"no")).sha256 != digest
    assert read_answer_key(KEY.replace(b"default", b"standard")).sha256 != digest
    with_std = KEY.replace(b"default", b"mos_std").replace(b"yes", b"0.5").replace(b"SDXL,", b"SDXL,0.25")
    same = with_std.replace(b"0.5", b"0.50").replace(b"mos_std", b"MOS_STD")
    assert read_answer_key(same).sha256 == read_answer_key(with_std).sha256
    assert read_answer_key(with_std.replace(b"0.25", b"0.26")).sha256 != read_answer_key(with_std).sha256


def test_the_digest_of_a_key_without_the_newer_columns_is_what_it_always_was():
    assert read_answer_key(KEY).sha256 == "a08d88b04d18cc8cb0aa16a6ddef90cde1e3549711dca0e4a713a851b9f38536"
