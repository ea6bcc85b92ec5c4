"""Reading prompts: every format with its traps, and what is refused."""

from __future__ import annotations

import gzip
import json

import pyarrow
import pytest
from pyarrow import parquet

from generation.problems import InvalidInput
from generation.prompts import Source, read_prompts
from tests.reference import shared

TEXTS = ["a red fox", 'says "hi", twice', "two\rlines", "tab\there", "back\\slash", "naïve 😀", "sep\u2028arated", ""]
TSV_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n"})


def quoted(text):
    return '"' + text.replace('"', '""') + '"'


CONTENT = {
    "csv": "n,prompt\n" + "".join(f"{n},{quoted(t)}\n" for n, t in enumerate(TEXTS)),
    "tsv": "n\tprompt\n" + "".join(f"{n}\t{t.translate(TSV_ESCAPES)}\n" for n, t in enumerate(TEXTS)),
    "jsonl": "".join(json.dumps({"n": n, "prompt": t}) + "\n" for n, t in enumerate(TEXTS)),
    "ndjson": "".join(json.dumps({"prompt": t}, ensure_ascii=False) + "\n" for t in TEXTS),
}


@pytest.fixture
def write(tmp_path):
    def write_file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write_file


def texts(*paths, **source):
    return [row.text for row in read_prompts(paths, Source(**source))]


def refusal(*paths, **source):
    with pytest.raises(InvalidInput) as refused:
        read_prompts(paths, Source(**source))
    return str(refused.value)


@pytest.mark.parametrize("ending", CONTENT)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
@pytest.mark.parametrize("compressed", [False, True], ids=["", "gz"])
def test_every_text_format_gives_the_same_prompts(write, ending, mark, compressed):
    content = mark + CONTENT[ending].encode()
    path = write(f"p.{ending}.gz", gzip.compress(content)) if compressed else write(f"p.{ending}", content)
    assert texts(path) == TEXTS


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_lines_may_end_with_crlf(write, ending):
    assert texts(write(f"p.{ending}", CONTENT[ending].replace("\n", "\r\n"))) == TEXTS


def test_parquet(tmp_path):
    path = tmp_path / "p.parquet"
    parquet.write_table(pyarrow.table({"n": range(len(TEXTS)), "prompt": TEXTS}), path, row_group_size=3)
    assert texts(path) == TEXTS
    assert [row.place for row in read_prompts([path])] == list(range(1, len(TEXTS) + 1))


def test_txt_is_one_prompt_per_line_and_a_carriage_return_inside_is_none(write):
    rows = read_prompts([write("p.txt", b"first\r\n\n  second\rline\nlast\xe2\x80\xa8one")])
    assert [row.text for row in rows] == ["first", "  second\rline", "last\u2028one"]
    assert [row.place for row in rows] == [1, 3, 4]
    assert [row.id for row in rows] == ["p0000001", "p0000002", "p0000003"]


def test_several_files_of_several_formats_are_one_list(write):
    rows = read_prompts([write("a.txt", "one\n"), write("b.csv", "prompt\ntwo\n"), write("c.tsv", "prompt\nthree\n")])
    assert [(row.id, row.text, row.file) for row in rows] == [
        ("p0000001", "one", "a.txt"),
        ("p0000002", "two", "b.csv"),
        ("p0000003", "three", "c.tsv"),
    ]


def test_a_csv_record_over_several_lines_counts_from_its_first_line(write):
    rows = read_prompts([write("p.csv", 'prompt\n"two\nlines"\nnext\n')])
    assert [(row.place, row.text) for row in rows] == [(2, "two\nlines"), (4, "next")]


def test_diffusiondb_is_known_by_its_columns(tmp_path):
    path = tmp_path / "metadata.parquet"
    parquet.write_table(
        pyarrow.table({"image_name": ["a.png", "b.png"], "prompt": ["fox", "fox"], "part_id": [1, 1], "seed": [3, 4]}),
        path,
    )
    assert [(row.id, row.text) for row in read_prompts([path])] == [("a.png", "fox"), ("b.png", "fox")]


def test_the_prompt_column_is_found_or_named(write):
    path = write("p.csv", "caption,other\na,b\n")
    assert texts(path) == ["a"]
    assert texts(path, column="other") == ["b"]
    assert [row.id for row in read_prompts([path], Source(id_column="other"))] == ["b"]


def test_the_30000_real_rows_are_30000_rows():
    rows = read_prompts([shared("prompts/sd_discord_30k.tsv")])
    assert len(rows) == 30_000
    assert len({row.id for row in rows}) == 30_000
    assert len(read_prompts([shared("prompts/sd_discord_unique_100k.txt.gz")])) == 100_000


def test_other_encodings_can_be_named(write):
    assert texts(write("p.txt", "café\n".encode("cp1252")), encoding="cp1252") == ["café"]
    assert texts(write("q.txt", "café\nfox\n".encode("utf-16")), encoding="utf-16") == ["café", "fox"]


def test_bad_bytes_are_refused_with_line_and_fix_or_replaced_and_marked(write):
    path = write("p.tsv", b"prompt\na fox\nun caf\xe9\n")
    message = refusal(path)
    assert "p.tsv:3: byte 0xE9 is not utf-8" in message
    assert "--encoding" in message
    assert "--bad-bytes replace" in message
    rows = read_prompts([path], Source(replace_bad_bytes=True))
    assert [(row.text, row.damaged) for row in rows] == [("a fox", False), ("un caf\ufffd", True)]


def test_utf16_is_recognised(write):
    assert "say --encoding utf-16" in refusal(write("p.txt", "a fox\n".encode("utf-16")))


def test_a_lone_surrogate_is_replaced_and_a_pair_joined(write):
    rows = read_prompts([write("p.jsonl", '{"prompt": "a \\ud800 b"}\n{"prompt": "\\ud83d\\ude00"}\n')])
    assert [(row.text, row.damaged) for row in rows] == [("a \ufffd b", True), ("😀", False)]


@pytest.mark.parametrize(
    ("name", "content", "source", "said"),
    [
        ("p.csv", "a,b\n1,2\n", {}, ["no column prompt; it has a, b", "--column"]),
        ("p.tsv", "a\tb\n1\t2\n", {"column": "c"}, ["no column c; it has a, b"]),
        ("p.csv", "prompt,prompt\n1,2\n", {}, ["more than one column prompt"]),
        ("p.jsonl", '{"prompt": "x"}\n{"text2": "y"}\n', {}, ["p.jsonl:2", "no column prompt; it has text2"]),
        ("p.jsonl", '{"prompt": "x"}\n{"prompt": \n', {}, ["p.jsonl:2", "is not JSON"]),
        ("p.jsonl", '["x"]\n', {}, ["p.jsonl:1", "is no object"]),
        ("p.jsonl", '{"prompt": 7}\n', {}, ["p.jsonl:1", "is int, not a text"]),
        ("p.csv", "", {}, ["holds no prompts"]),
        ("p.tsv", "", {}, ["holds no prompts"]),
        ("p.txt", "\n \n", {}, ["holds no prompts"]),
        ("p.csv", "prompt\n", {}, ["holds no prompts"]),
        ("p.csv", "n,prompt\n1,a, b\n2,c\n", {}, ["p.csv:2: 3 fields where the header has 2", "double quotes"]),
        ("p.tsv", "n\tprompt\n1\ta\n2\tb\tc\n3\td\te\n", {}, ["p.tsv:3: 3 fields", "p.tsv:4: 3 fields"]),
        ("p.csv", 'prompt\nok\n"never closed\nmore\n', {}, ["p.csv:3: is not CSV from here on"]),
        ("p.docx", "x", {}, ["unknown format .docx", ".jsonl", "--format"]),
        ("prompts", "x", {}, ["unknown format without ending"]),
        ("p.parquet", "no parquet", {}, ["cannot be read as Parquet"]),
        ("p.txt.gz", "no gzip", {}, ["is no complete gzip file"]),
        ("p.txt.gz", gzip.compress(b"a fox\n" * 999, mtime=0)[:-20], {}, ["is no complete gzip file"]),
        ("p.txt", "x", {"encoding": "utf-9"}, ["no such encoding"]),
        ("p.csv", "id,prompt\n1,a\n2,b\n1,c\n", {"id_column": "id"}, ["p.csv:4: the id 1 is that of p.csv:2"]),
        ("p.csv", "id,prompt\n,a\n", {"id_column": "id"}, ["p.csv:2: the id is empty"]),
    ],
)
def test_what_is_refused_is_said_with_its_place_and_the_fix(write, name, content, source, said):
    message = refusal(write(name, content), **source)
    for words in (name, *said) if "encoding" not in source else said:
        assert words in message


def test_a_parquet_column_that_holds_no_text_is_refused(tmp_path):
    path = tmp_path / "p.parquet"
    parquet.write_table(pyarrow.table({"prompt": [1, 2]}), path)
    assert "the column prompt holds int64, not text" in refusal(path)


def test_the_format_can_be_named(write):
    assert texts(write("prompts.dat", "a\nb\n"), format="txt") == ["a", "b"]


def test_a_file_that_is_not_there_is_an_os_error(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_prompts([tmp_path / "none.csv"])
