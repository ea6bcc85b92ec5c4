"""CSV files of users: what is wrong with one, by line."""

import pytest

from generation.problems import InvalidInput
from generation.tables import read_table


@pytest.fixture
def table_of(tmp_path):
    def write(content, required=("name",)):
        path = tmp_path / "t.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_table(path, required)

    return write


def test_rows_know_the_line_on_which_they_begin(table_of):
    table = table_of('\ufeffName , prompt\r\na,"one\ntwo"\r\n\r\nb,"three, four"\r\n')
    assert table.columns == ["name", "prompt"]
    assert [row["prompt"] for row in table.rows] == ["one\ntwo", "three, four"]
    assert table.lines == [2, 5]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"name\na\n\xff\n", "t.csv:3: the text is not UTF-8"),
        ("title\na\n", "no column name; it has: title"),
        ("", "no column name"),
        ("name,name\na,b\n", "the column 'name' is there twice"),
        ("name\n\n", "no rows below the header"),
        ("name,prompt\na,b,c\nb\n", "t.csv:2: 3 cells, but the header has 2"),
        ('name,prompt\na,"b\n', "t.csv:2: unexpected end of data; check the quotation marks"),
        ("name\n" + "a" * 200_000, "t.csv:2: field larger than field limit"),
    ],
)
def test_a_file_that_cannot_be_used_says_why_and_where(table_of, content, said):
    with pytest.raises(InvalidInput) as refused:
        table_of(content)
    assert said in str(refused.value)


def test_cells_that_must_be_filled_or_unique_are_named_by_line(table_of):
    table = table_of('name,prompt\na,x\n ,y\nb,"p\rq"\na,z\n')
    with pytest.raises(InvalidInput, match=r"t\.csv:3: name is empty"):
        table.filled("name")
    with pytest.raises(InvalidInput, match=r"t\.csv:4: prompt has a line break in it"):
        table.filled("prompt")
    table.rows[1]["name"] = " c "
    assert table.filled("name") == ["a", "c", "b", "a"]
    with pytest.raises(InvalidInput, match=r"t\.csv:6: the same name as on line 2"):
        table.unique("name")
