"""Signed receipts without a server: what is signed, what is noticed, what the command line says."""

import base64
import copy
import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.signing import SigningKey

from scoring.cli import main
from scoring.receipts import InvalidReceipt, canonical, differences, key_id, read, read_keys, sign, verify

SEEDS = {"accepted": b"a" * 32, "scored": b"s" * 32}
DOCUMENT = {
    "version": 1,
    "kind": "scored",
    "team": "Örebro «Vision»",
    "sha256": "ab" * 32,
    "answer_key": {"version": 2, "sealed_sha256": "cd" * 32},
    "scores": {"main": 0.8312345678901234, "srocc": 1e-07, "krocc": None, "rmse": 1.0, "plcc": -0.0},
    "images": 2800,
}


def key_list(**changes) -> dict:
    entries = []
    for use, seed in SEEDS.items():
        public = bytes(SigningKey(seed).verify_key)
        entry = {"kid": key_id(public), "use": use, "public_key": base64.b64encode(public).decode()}
        entries.append({**entry, "created_at": "2026-01-01T00:00:00Z", "retired_at": None, **changes})
    return {"keys": entries}


KEYS = read_keys(json.dumps(key_list()))


def receipt(document=DOCUMENT, seed=SEEDS["scored"]) -> dict:
    signed, signature = sign(document, seed)
    return {"receipt": signed, "signature": signature}


def test_it_works_also_after_a_way_through_json():
    there_and_back = read(json.dumps(receipt(), indent=3).encode())
    verdict = verify(there_and_back, KEYS)
    assert verdict.genuine
    assert "as the server wrote it" in verdict.reason
    assert verdict.document["scores"]["main"] == 0.8312345678901234


def test_the_canonical_form_is_what_the_contract_says():
    document = {"b": 1.0, "a": {"ö": None, "A": [True, 1e-07, -0.0, 1e22]}}
    assert canonical(document) == '{"a":{"A":[true,1e-07,-0.0,1e+22],"ö":null},"b":1.0}'.encode()


def places(value, path=()):
    """The path of every leaf of nested objects."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*path, name))
    else:
        yield path


GENUINE = receipt()


@pytest.mark.parametrize("path", list(places(GENUINE["receipt"])), ids=".".join)
def test_a_change_of_any_field_is_noticed(path):
    for change in (0.831234567890123, "x", None, 7):
        forged = copy.deepcopy(GENUINE)
        place = forged["receipt"]
        for name in path[:-1]:
            place = place[name]
        if json.dumps(place[path[-1]]) == json.dumps(change):
            continue
        place[path[-1]] = change
        assert not verify(forged, KEYS).genuine
        assert differences(GENUINE["receipt"], forged["receipt"]) == [".".join(path)]
        del place[path[-1]]
        assert not verify(forged, KEYS).genuine


def test_an_added_field_and_another_signature_are_noticed():
    added = copy.deepcopy(GENUINE)
    added["receipt"]["scores"]["extra"] = 1
    assert not verify(added, KEYS).genuine
    other = receipt({**DOCUMENT, "team": "Rivals"})["signature"]
    for signature in (other, "", "*", other[:-4], other + "AAAA", base64.b64encode(b"x" * 64).decode(), 5, None):
        assert not verify({**GENUINE, "signature": signature}, KEYS).genuine


def test_the_key_for_accepted_files_cannot_attest_scores():
    verdict = verify(receipt(seed=SEEDS["accepted"]), KEYS)
    assert not verdict.genuine
    assert "signs receipts of the kind 'accepted'" in verdict.reason
    assert verify(receipt({**DOCUMENT, "kind": "accepted"}, SEEDS["accepted"]), KEYS).genuine
    assert not verify(receipt({**DOCUMENT, "kind": "praise"}), KEYS).genuine


def test_a_key_that_is_not_listed_is_no_key():
    verdict = verify(receipt(seed=b"z" * 32), KEYS)
    assert not verdict.genuine
    assert "not in the list" in verdict.reason


def test_a_list_cannot_give_a_key_the_name_of_another():
    stranger = base64.b64encode(bytes(SigningKey(b"z" * 32).verify_key)).decode()
    listed = key_list()
    listed["keys"][1]["public_key"] = stranger
    forged = receipt(seed=b"z" * 32)
    forged["receipt"]["kid"] = GENUINE["receipt"]["kid"]
    assert not verify(forged, read_keys(json.dumps(listed))).genuine


def test_a_retired_key_goes_on_to_verify_and_says_so():
    keys = read_keys(json.dumps(key_list(retired_at="2026-02-03T00:00:00Z")))
    verdict = verify(GENUINE, keys)
    assert verdict.genuine
    assert "until 2026-02-03" in verdict.reason


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("[]", "no object"),
        ("7", "no object"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": NaN}', "no number"),
        ('{"a": Infinity}', "no number"),
        (b"\xff\xfe{}", "not JSON"),
        ("[" * 50_000, "not JSON"),
        ('{"a": 1' + "0" * 5000 + "}", "not JSON"),
        (" " * 100_001, "too large"),
    ],
    ids=range(11),
)
def test_what_is_no_receipt_is_told(text, said):
    with pytest.raises(InvalidReceipt, match=said):
        read(text)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"receipt": {}, "signature": "x"},
        {"receipt": [], "signature": "x"},
        {"receipt": {"kid": []}, "signature": ""},
    ],
)
def test_an_object_that_is_no_receipt_is_not_genuine(value):
    assert not verify(value, KEYS).genuine


@pytest.mark.parametrize("document", [{"a": float("nan")}, {"a": "\ud800"}, {"a": object()}])
def test_what_has_no_canonical_form_is_not_signed(document):
    with pytest.raises(InvalidReceipt):
        sign(document, SEEDS["scored"])


def test_a_receipt_with_numbers_or_text_that_cannot_be_signed_is_not_genuine():
    for text in ('"\\ud800"', "1e999"):
        forged = json.dumps(GENUINE).replace('"Örebro «Vision»"'.encode("unicode_escape").decode(), text)
        forged = forged.replace(json.dumps("Örebro «Vision»"), text)
        assert text in forged
        assert not verify(read(forged), KEYS).genuine


@pytest.mark.parametrize(
    "keys",
    [{}, {"keys": "x"}, {"keys": [{}]}, {"keys": [5]}, {"keys": [{"use": "scored", "public_key": "AAAA"}]}],
)
def test_a_list_of_keys_that_is_none_is_told(keys):
    with pytest.raises(InvalidReceipt):
        read_keys(json.dumps(keys))


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from(["team", "scores", "note"]), json_values, max_size=3))
def test_whatever_is_signed_verifies_after_json(document):
    signed = receipt({**document, "kind": "scored"})
    assert verify(read(json.dumps(signed)), KEYS).genuine


# --- command line -----------------------------------------------------------------------------------------------------
@pytest.fixture
def files(tmp_path):
    (tmp_path / "receipt.json").write_text(json.dumps(GENUINE))
    (tmp_path / "keys.json").write_text(json.dumps(key_list()))
    return tmp_path


def run(files, *more, name="receipt.json") -> int:
    return main(["verify-receipt", str(files / name), "--key", str(files / "keys.json"), *more])


def test_the_command_line_says_genuine(files, capsys):
    assert run(files) == 0
    said = capsys.readouterr().out
    assert ": genuine. The signature fits" in said
    assert 'team: "Örebro «Vision»"' in said


def test_the_command_line_says_what_is_wrong(files, capsys):
    (files / "forged.json").write_text(json.dumps(GENUINE).replace("2800", "2801"))
    assert run(files, name="forged.json") == 1
    assert "NOT genuine. The signature does not fit" in capsys.readouterr().out
    (files / "text.json").write_text("no receipt")
    assert run(files, "--json", name="text.json") == 1
    assert json.loads(capsys.readouterr().out)["genuine"] is False
    (files / "keys.json").write_text("{}")
    assert run(files) == 2
    assert "needs the name «keys»" in capsys.readouterr().err
    assert run(files, name="nothing.json") == 2


def test_the_command_line_compares_the_file(files, capsys):
    import hashlib

    (files / "mine.csv").write_bytes(b"a,1\n")
    (files / "other.csv").write_bytes(b"a,2\n")
    signed = receipt({**DOCUMENT, "sha256": hashlib.sha256(b"a,1\n").hexdigest()})
    (files / "receipt.json").write_text(json.dumps(signed))
    assert run(files, "--file", str(files / "mine.csv")) == 0
    assert run(files, "--file", str(files / "other.csv")) == 1
    assert "of another file" in capsys.readouterr().out


def test_without_pynacl_it_says_what_to_install(files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "nacl.signing", None)
    assert run(files) == 2
    assert "pip install pynacl" in capsys.readouterr().err
