"""Answer keys: what is read, every fault by line, no MOS in any message, and a digest of the content alone."""

import io

import numpy as np
import pytest

from scoring import InvalidAnswerKey, read_answer_key

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


def test_no_message_holds_a_mos():
    with pytest.raises(InvalidAnswerKey) as caught:
        read_answer_key(b"name,mos\na,1.23456\na,2.34567\nb,3.45678x\n,4.56789\nc,5.6789,6.789\n")
    text = str(caught.value) + str(caught.value.report.to_dict())
    for digits in ("23456", "34567", "45678", "56789", "789"):
        assert digits not in text


def test_the_digest_depends_on_content_alone():
    digest = read_answer_key(KEY).sha256
    reordered = b'name,default,model,mos\r\n"a.png",,SDXL,4.1250\r\nb.png, yes ,DALLE2,2.5\r\n'
    assert read_answer_key(reordered).sha256 == digest
    assert read_answer_key(KEY.replace(b"4.125", b"4.126")).sha256 != digest
    assert read_answer_key(KEY.replace(b"yes", b"no")).sha256 != digest
    assert read_answer_key(KEY.replace(b"default", b"standard")).sha256 != digest
