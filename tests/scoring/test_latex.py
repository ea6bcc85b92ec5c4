"""Whatever people type, LaTeX and BibTeX read it as text."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from scoring.latex import cite_keys, escaped, number, paragraphs, unicode_fallbacks, url

COMMAND = re.compile(r"\\(?:[a-zA-Z]+(?:\{\}|(?=\{))|[`'^~=.\"](?=\{)|[{}$&#_%])")
HOSTILE = r"""\input{/etc/passwd} %}{ $x_1^2$ & #1 ~ ^^M \end{document} "-- ''<|>"""


def leftovers(text: str) -> str:
    """What is left of LaTeX once commands, their groups and formulas are taken away; asserts that groups close."""
    text = re.sub(r"\$\\[a-zA-Z]+\$", "", text)
    rest = COMMAND.sub("", text)
    depth = 0
    for character in rest:
        depth += {"{": 1, "}": -1}.get(character, 0)
        assert depth >= 0
    assert depth == 0
    return rest.replace("{", "").replace("}", "")


@given(st.text())
@example(HOSTILE)
@example("\\\\{{}}%%")
@example("e\u0301\u0323 \ud800 \x00 \u202e")
def test_no_character_of_a_text_is_a_command(text):
    shown = escaped(text)
    assert not set(leftovers(shown)) & set('\\$&#_%~^"`|<>\n')
    assert not re.search(r"--|''|,,", shown)
    assert shown == shown.strip()


@given(st.text(alphabet=st.characters(codec="latin-1")))
def test_western_text_becomes_ascii_where_it_is_letters(text):
    rest = {character for character in escaped(text) if ord(character) >= 0x80}
    assert not {character for character in rest if character.isalpha()} - set("ªºÐðÞþµ")


def test_it_prints_what_was_typed():
    assert escaped("Örebro_Lab & Söhne, 100 % {ok}") == r"\"{O}rebro\_Lab \& S\"{o}hne, 100 \% \{ok\}"
    assert escaped("Łukasz Ærø") == r"\L{}ukasz \AE{}r\o{}"
    assert escaped("  two\n lines\t") == "two lines"
    assert escaped("東京 α") == r"東京 $\alpha$"
    assert paragraphs("One\nline.\r\n\r\n\r\nTwo_") == "One line.\n\nTwo\\_"
    assert (number(-0.12345, 4), number(None, 4)) == ("$-$0.1235", "--")
    assert unicode_fallbacks("é 東") == [
        r"\DeclareUnicodeCharacter{00E9}{[U+00E9]}",
        r"\DeclareUnicodeCharacter{6771}{[U+6771]}",
    ]


@given(st.text())
@example("https://example.org/a_b?x={1}&y=%20#f~\\}")
def test_an_address_cannot_leave_its_command(text):
    assert re.fullmatch(r"[A-Za-z0-9/:?#\[\]@!$&'()*+,;=%._~-]*", url(text))


@given(st.lists(st.text(), max_size=8))
@example(["A", "a", "A-2", "ä", "東"])
def test_keys_are_ascii_and_no_two_alike(names):
    keys = cite_keys(names)
    assert len({key.lower() for key in keys}) == len(names)
    assert all(re.fullmatch(r"[a-z0-9-]+", key) for key in keys)
