"""Text that people type and others read."""

import unicodedata


def visible_text(text: str, keep: str = "") -> str:
    """`text` in NFKC without characters that cannot be seen (Unicode category C: control, format, unassigned).

    Invisible characters let one name imitate another, and PostgreSQL refuses NUL. `keep` lists those to spare.
    """
    normal = unicodedata.normalize("NFKC", text)
    return "".join(c for c in normal if c in keep or not unicodedata.category(c).startswith("C"))
