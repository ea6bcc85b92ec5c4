"""Zip submissions: one file and a readme are read, everything else is named, and no archive can do harm."""

import io
import stat
import struct
import time
import tracemalloc
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.archive import parse_readme
from scoring.predictions import read_predictions, validate

NAMES = ["a.png", "b.png"]
ROWS = b"a.png,1\nb.png,2\n"
README = b"""runtime per image [s] : 0.02
CPU[1] / GPU[0] : 0
Extra Data [1] / No Extra Data [0] : 1
Other description : Our method fuses
two networks: A and B.
"""


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def codes(content, names=NAMES):
    return [problem.code for problem in validate(content, names).problems]


@pytest.mark.parametrize("name", ["output.txt", "prediction.csv", "Results.CSV", "my scores.txt"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_one_prediction_file_at_the_root_is_read(name, compression):
    found = read_predictions(zipped([(name, ROWS)], compression), NAMES)
    assert found.as_mapping() == {"a.png": 1.0, "b.png": 2.0}
    assert found.report.method == {}


@pytest.mark.parametrize("filename", ["submission.zip", "SUBMISSION.ZIP", "submission", None])
def test_the_name_of_the_archive_is_not_taken_for_that_of_the_file_in_it(filename):
    assert validate(zipped([("output.txt", ROWS)]), NAMES, filename=filename).ok


def test_the_readme_fills_the_method():
    found = read_predictions(zipped([("readme.txt", README), ("output.txt", ROWS)]), NAMES)
    assert found.report.method == {
        "runtime_s": 0.02,
        "device": "gpu",
        "extra_data": True,
        "description": "Our method fuses\ntwo networks: A and B.",
    }
    assert found.report.warnings[0].code == "few_rows"


@pytest.mark.parametrize(
    ("text", "fields", "warned"),
    [
        ("Runtime per image [s] : 1.5 s\n", {"runtime_s": 1.5}, []),
        ("runtime per video [s]: 2", {"runtime_s": 2.0}, []),
        ("CPU[1] / GPU[0] : 1", {"device": "cpu"}, []),
        ("Extra Data [1] / No Extra Data [0] : 0", {"extra_data": False}, []),
        ("runtime per image [s] : fast\nCPU[1] / GPU[0] : both", {}, ["readme_value", "readme_value"]),
        ("runtime per image [s] : nan", {}, ["readme_value"]),
        ("runtime per image [s] : -1", {}, ["readme_value"]),
        ("hello", {}, ["readme_line"]),
        ("Other description :", {"description": ""}, []),
    ],
)
def test_readme_fields_and_what_could_not_be_read(text, fields, warned):
    found, warnings = parse_readme(text)
    assert found == fields
    assert [warning.code for warning in warnings] == warned


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ([], "no_predictions"),
        ([("readme.txt", README)], "no_predictions"),
        ([("output.txt", ROWS), ("prediction.csv", ROWS)], "several_predictions"),
        ([("output.txt", ROWS), ("readme.txt", README), ("README", README)], "several_readmes"),
        ([("output/output.txt", ROWS)], "nested_path"),
        ([("../output.txt", ROWS)], "nested_path"),
        ([("/etc/output.txt", ROWS)], "nested_path"),
        ([("..\\output.txt", ROWS)], "nested_path"),
        ([("C:output.txt", ROWS)], "nested_path"),
        ([("folder/", b""), ("output.txt", ROWS)], "nested_path"),
        ([("output.txt", ROWS), ("__MACOSX/._output.txt", b"x")], "macos_metadata"),
        ([("output.txt", ROWS), (".DS_Store", b"x")], "macos_metadata"),
        ([("output.txt", ROWS), ("model.py", b"x")], "unexpected_member"),
        ([("[Content_Types].xml", b"x"), ("xl/workbook.xml", b"x")], "wrong_format"),
        ([(f"{i}.txt", ROWS) for i in range(11)], "too_many_members"),
        ([("output.txt", b"")], "empty_file"),
        ([("output.txt", b"a.png,1\n")], "missing_names"),
        ([("output.txt", b"\0" * 1_000_000)], "zip_bomb"),
        ([("output.txt", b"a.png,1\n" * 7_000_000)], "too_large"),
        ([("output.txt", ROWS), ("readme.txt", b"x" * 100_000)], "too_large"),
    ],
)
def test_every_other_content_is_refused_by_name(members, code):
    assert codes(zipped(members)) == [code]


def test_macos_zips_are_told_the_way_out():
    report = validate(zipped([("output.txt", ROWS), ("__MACOSX/._output.txt", b"x")]), NAMES)
    assert "zip -X" in report.problems[0].fix


def test_links_and_passwords_and_odd_compression_are_refused():
    link = zipfile.ZipInfo("output.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    assert codes(zipped([(link, "/etc/passwd")])) == ["symlink"]
    assert codes(zipped([("output.txt", ROWS)], zipfile.ZIP_LZMA)) == ["compression"]
    locked = bytearray(zipped([("output.txt", ROWS)]))
    locked[locked.index(b"PK\x01\x02") + 8] |= 1
    assert codes(bytes(locked)) == ["encrypted"]


def forged(content, field_offset, value, width="<L"):
    """The archive with one field of its central directory entry overwritten."""
    raw = bytearray(content)
    struct.pack_into(width, raw, raw.index(b"PK\x01\x02") + field_offset, value)
    return bytes(raw)


def test_forged_sizes_are_not_believed():
    bomb = zipped([("output.txt", b"a.png,1\n" * 7_000_000)])
    assert codes(forged(bomb, 24, 100)) == ["damaged_zip"]  # claims 100 bytes unpacked
    assert codes(forged(bomb, 20, 2**31)) != []  # claims to be packed in 2 GB: the ratio looks harmless
    assert codes(forged(zipped([("output.txt", ROWS)]), 24, 2**31)) == ["too_large"]
    assert codes(forged(zipped([("output.txt", ROWS)]), 42, 2**30)) == ["damaged_zip"]  # offset beyond the end
    assert codes(forged(zipped([("output.txt", ROWS)]), 16, 1)) == ["damaged_zip"]  # wrong checksum


def test_a_forged_entry_count_cannot_make_the_parser_work_for_ever():
    entry_count = 200_000
    name = b"a.txt"
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, len(name), 0, 0, 0, 0, 0, 0) + name
    directory = entry * entry_count
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), 0, 0)
    start = time.perf_counter()
    assert codes(b"PK\x03\x04" + directory + end) == ["too_many_members"]
    assert time.perf_counter() - start < 0.5


def test_a_bomb_is_dropped_before_it_fills_memory():
    content = zipped([("output.txt", b"\0" * 45_000_000)])
    tracemalloc.start()
    try:
        assert codes(content) == ["zip_bomb"]
        assert tracemalloc.get_traced_memory()[1] < 25_000_000
    finally:
        tracemalloc.stop()


def test_truncated_archives_are_damaged():
    content = zipped([("output.txt", ROWS)])
    for cut in range(4, len(content), 7):
        assert codes(content[:cut]) == ["damaged_zip"]


@settings(max_examples=300)
@given(st.lists(st.tuples(st.integers(4, 10_000), st.integers(0, 255)), min_size=1, max_size=8))
def test_corrupted_archives_never_raise(changes):
    raw = bytearray(zipped([("readme.txt", README), ("output.txt", ROWS)]))
    for position, value in changes:
        raw[4 + position % (len(raw) - 4)] = value
    report = validate(bytes(raw), NAMES)
    if report.ok:
        assert report.rows == 2
