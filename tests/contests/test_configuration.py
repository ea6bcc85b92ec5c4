"""A challenge as one file: round trips over every field, errors by path, the page and the command."""

import datetime
import io
import json

import pytest
import yaml
from django.core.management import CommandError, call_command
from django.db import models
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from challenge.contests.configuration import MAX_PHASES, NOT_IN_THE_FILE, InvalidConfiguration, fields_of, parse
from challenge.contests.models import RESERVED_PHASE_SLUGS, Challenge, Phase, PhaseEvent
from challenge.contests.setup import create_from_file, export

MINIMAL = """
challenge: {slug: iqa-2030, title: IQA, summary: Predict MOS.}
phases:
  - {slug: development, title: Development, opens_at: 2030-01-01T00:00:00Z, closes_at: 2030-02-01T00:00:00Z}
  - slug: final
    title: Final
    opens_at: 2030-02-01T00:00:00+01:00
    closes_at: "2030-02-08T00:00:00Z"
    gate: development
    is_blind: true
"""
UTC = datetime.UTC
SECOND = datetime.timedelta(seconds=1)


# --- round trips ------------------------------------------------------------------------------------------------------
def texts(longest, smallest=0):
    """Text as the database may hold it; a blank-only title would not pass the forms."""
    characters = st.characters(exclude_characters="\0\r", exclude_categories=["Cs"])
    text = st.text(characters, min_size=smallest, max_size=min(longest or 60, 60))
    return text.filter(str.strip) if smallest else text


def values_of(field):
    """A strategy for the values that a field may have by itself."""
    if field.choices:
        strategy = st.sampled_from([value for value, _ in field.choices])
    elif isinstance(field, models.SlugField):
        strategy = st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,20}\Z").filter(lambda slug: slug not in RESERVED_PHASE_SLUGS)
    elif field.name == "formula":
        strategy = st.sampled_from(["srocc", "(srocc + plcc) / 2", "-rmse"])
    elif isinstance(field, models.CharField | models.TextField):
        strategy = texts(field.max_length, smallest=0 if field.blank else 1)
    elif isinstance(field, models.BooleanField):
        strategy = st.booleans()
    elif field.name == "shown_decimals":
        strategy = st.integers(0, 6)
    elif isinstance(field, models.IntegerField):
        strategy = st.integers(1, 30_000)
    elif field.name in ("public_share", "standard_errors"):
        strategy = st.floats(0.01, 0.99)
    elif isinstance(field, models.FloatField):
        strategy = st.floats(-1e6, 1e6)
    elif isinstance(field, models.DateTimeField):
        strategy = st.datetimes(datetime.datetime(2001, 1, 1), datetime.datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
    elif field.is_relation:
        return st.none()  # the gate, set below
    else:
        raise AssertionError(f"say what {field} may hold, and teach challenge.contests.configuration to read it")
    return st.none() | strategy if field.null else strategy


def rows_of(model):
    return st.fixed_dictionaries({name: values_of(field) for name, field in fields_of(model).items()})


def make_valid(phases):
    """The same phases with the rules between fields kept."""
    for index, values in enumerate(phases):
        values["slug"] = f"{values['slug']}-{index}"
        values["position"] = index
        opens = values["opens_at"]
        values["closes_at"] = max(values["closes_at"], opens + SECOND)
        for name, after in (("late_until", values["closes_at"]), ("choice_until", opens), ("board_frozen_at", opens)):
            if values[name] is not None:
                values[name] = max(values[name], after + SECOND)
        if values["release_rule"] == Phase.ReleaseRule.LADDER:
            values |= {"board_rule": Phase.BoardRule.BEST, "is_blind": False, "shows_fit": False, "late_until": None}
        else:
            values["leak_budget_bits"] = None
        values["shows_fit"] = values["shows_fit"] and not values["is_blind"]
        if values["public_share"] is None:
            values["split_column"] = ""


def of(row):
    """What must be the same: every field of the file, the gate by its slug."""
    values = {name: getattr(row, name) for name, field in fields_of(type(row)).items() if not field.is_relation}
    return {**values, "gate": row.gate and row.gate.slug} if isinstance(row, Phase) else values


@pytest.mark.parametrize("form", ["yaml", "json"])
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(challenge=rows_of(Challenge), phases=st.lists(rows_of(Phase), max_size=3), gates=st.lists(st.integers(0, 2)))
def test_what_is_exported_makes_an_equal_challenge(db, form, challenge, phases, gates):
    assume(challenge["slug"] != "clone")
    make_valid(phases)
    original = Challenge.objects.create(**challenge)
    made: list[Phase] = []
    for index, values in enumerate(phases):
        gate = made[gates[index]] if index < len(gates) and gates[index] < len(made) else None
        if gate is None or gate.is_blind or gate.is_ladder:
            values["gate_minimum"] = None
        secret = None if values["public_share"] is None else b"sealed"
        made.append(Phase.objects.create(challenge=original, **{**values, "gate": gate, "split_secret": secret}))
    clone = create_from_file(export(original, form), None, slug="clone")
    clone.refresh_from_db()
    assert of(clone) == of(original) | {"slug": "clone"}
    assert [of(phase) for phase in clone.phases.all()] == [of(phase) for phase in original.phases.all()]
    Challenge.objects.all().delete()


def test_what_is_not_in_a_file_is_known_and_exists():
    """A renamed field must not leave its name behind; a new relation to many must be thought about."""
    for model, names in NOT_IN_THE_FILE.items():
        assert names <= {field.name for field in model._meta.concrete_fields}
    assert {field.name for model in NOT_IN_THE_FILE for field in model._meta.many_to_many} == {"organisers"}


def test_a_file_has_no_people_keys_or_rows_of_the_contest(world):
    world.scored()
    world.challenge.allow_list = "anna@example.org"
    world.challenge.save()
    for form in ("yaml", "json"):
        text = export(world.challenge, form)
        for absent in ("alice", "organiser", "Aces", "img_000", str(world.challenge.pk), "example.org"):
            assert absent not in text


def test_a_browsers_line_ends_become_plain_ones_and_long_texts_blocks(world):
    world.challenge.description = "# One\r\n\r\nTwo\r\n"
    text = export(world.challenge)
    assert "description: |\n    # One\n\n    Two\n" in text
    assert create_from_file(text, None, slug="clone").description == "# One\n\nTwo\n"


# --- creating ---------------------------------------------------------------------------------------------------------
def test_a_file_makes_an_unpublished_challenge_that_its_maker_organises(world):
    made = create_from_file(MINIMAL, world.organiser)
    assert (made.is_published, made.is_demo, list(made.organisers.all())) == (False, False, [world.organiser])
    development, final = made.phases.all()
    assert (development.position, final.position, final.gate) == (0, 1, development)
    assert final.opens_at == datetime.datetime(2030, 1, 31, 23, tzinfo=UTC)
    events = PhaseEvent.objects.filter(phase__challenge=made)
    assert {(event.kind, event.actor) for event in events} == {("created", world.organiser)}


def test_json_and_yaml_say_the_same(db):
    document = yaml.safe_load(MINIMAL)
    for phase in document["phases"]:
        phase["opens_at"] = str(phase["opens_at"])
        phase["closes_at"] = str(phase["closes_at"])
    made = create_from_file(json.dumps(document), None)
    assert [phase.slug for phase in made.phases.all()] == ["development", "final"]


def test_a_taken_slug_is_refused_and_nothing_is_made(world):
    with pytest.raises(InvalidConfiguration, match=r"challenge\.slug: «iqa» is taken"):
        create_from_file(MINIMAL, None, slug="iqa")
    assert not Phase.objects.filter(title="Development", opens_at__year=2030).exists()


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (("2030-02-01T00:00:00Z}", "2029-01-01T00:00:00Z}"), "phases[0].closes_at: A phase closes after it opens"),
        (("2030-01-01T00:00:00Z", "2030-01-01T00:00:00"), "phases[0].opens_at: a moment needs its zone"),
        (("2030-01-01T00:00:00Z", "2030-01-01"), "phases[0].opens_at: a moment such as"),
        (("2030-01-01T00:00:00Z", "soon"), "phases[0].opens_at: a moment such as"),
        (("2030-01-01T00:00:00Z", "2030-13-01T00:00:00Z"), "file: month must be in 1..12"),
        (("gate: development", "gate: finale"), "phases[1].gate: the slug of a phase before this one"),
        (("gate: development", "gate: [1]"), "phases[1].gate: the slug of a phase before this one"),
        (("gate: development", "gate_minimum: 0.5"), "phases[1].gate_minimum: A minimum needs a gate"),
        (("gate: development", "gate_minimum: .nan"), "phases[1].gate_minimum: a finite number"),
        (("is_blind: true", "is_blind: maybe"), "phases[1].is_blind: true or false is expected, not a text"),
        (("is_blind: true", "formula: srocc +"), "phases[1].formula: "),
        (("is_blind: true", "daily_quota: 0"), "phases[1].daily_quota: "),
        (("is_blind: true", "daily_quota: true"), "phases[1].daily_quota: a whole number is expected, not a switch"),
        (("is_blind: true", "total_quota: 99999999999"), "phases[1].total_quota: this number is too large"),
        (("is_blind: true", "board_rule: worst"), "phases[1].board_rule: "),
        (("is_blind: true", "late_until: 2030-02-01T00:00:00Z"), "phases[1].late_until: Late files come after"),
        (
            ("is_blind: true", "board_frozen_at: 2029-01-01T00:00:00Z"),
            "phases[1].board_frozen_at: A board frozen before",
        ),
        (("is_blind: true", "colour: red"), "phases[1].colour: unknown; known are slug"),
        (("is_blind: true", "slug: x"), "file, line 10: «slug» is given twice"),
        (("slug: final", "slug: development"), "phases[1].slug: «development» is the slug of another phase"),
        (("slug: final", "slug: data"), "phases[1].slug: «data» is a page"),
        (("title: Final", "title: 2030"), "phases[1].title: text is expected, not a whole number"),
        (("title: Final", "title:"), "phases[1].title: a value is expected"),
        (("title: Final", 'title: "a\\0b"'), "phases[1].title: text has no NUL"),
        (("    title: Final\n", ""), "phases[1].title: missing"),
        (("slug: iqa-2030, ", ""), "challenge.slug: missing"),
        (("slug: iqa-2030", "slug: two words"), "challenge.slug: "),
        (("slug: iqa-2030", "slug: iqa-2030, max_team_size: 0"), "challenge.max_team_size: "),
        (("slug: iqa-2030", "slug: iqa-2030, organisers: [a]"), "challenge.organisers: unknown"),
        (("challenge:", "contest:"), "contest: unknown; a file has"),
        (("phases:", "phases: {}\nother:"), "phases: a list is expected, not a mapping"),
        (("title: IQA", "title: [IQA"), "file, line "),
    ],
)
def test_every_error_is_named_by_its_path(db, change, error):
    assert change[0] in MINIMAL
    with pytest.raises(InvalidConfiguration) as refused:
        create_from_file(MINIMAL.replace(change[0], change[1], 1), None)
    assert any(line.startswith(error) for line in refused.value.errors), refused.value.errors
    assert not Challenge.objects.exists()


def test_all_errors_come_at_once(db):
    text = MINIMAL.replace("title: IQA", "title: 1").replace("title: Final", "title: 2").replace("title: Dev", "t: Dev")
    with pytest.raises(InvalidConfiguration) as refused:
        parse(text)
    paths = {line.split(":")[0] for line in refused.value.errors}
    assert paths == {"challenge.title", "phases[0].title", "phases[0].t", "phases[1].title"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"challenge": 1, "challenge": 2}',
        '{"challenge": {"slug": "\\ud800"}}',
        "{" * 5,
        "[" * 20_000,
        '{"a":' * 20_000,
        "a: &a [x, x]\nb: &b [*a, *a]\nchallenge: *b",
        "challenge: !!python/object:os.system {}",
        "challenge: {[1]: 2}",
        "challenge: {1: 2}",
        "\x00",
        "x" * 600_000,
        "challenge: {max_team_size: " + "9" * 5000 + "}",
        "challenge: {title: 9999-12-31T23:59:59-10:00}",
        "challenge: {}\nphases: [" + "{}, " * (MAX_PHASES + 1) + "]",
        'challenge: {}\nphases: [1, null, "x", [2], {gate: {}}, {opens_at: "9999-12-31T23:59:59-10:00"}]',
    ],
)
def test_whatever_is_sent_is_answered_with_errors(db, text):
    with pytest.raises(InvalidConfiguration) as refused:
        parse(text)
    assert all(0 < len(line) < 1000 for line in refused.value.errors)


# --- the command ------------------------------------------------------------------------------------------------------
def test_the_command_makes_a_challenge(world, tmp_path):
    file, out = tmp_path / "iqa.yaml", io.StringIO()
    file.write_text(MINIMAL)
    call_command("create_challenge", str(file), "--slug", "mine", "--organiser", "organiser", stdout=out)
    assert out.getvalue() == "made /c/mine/ with 2 phases, unpublished\n"
    assert Challenge.objects.get(slug="mine").organisers.get() == world.organiser


def test_the_command_names_errors_unknown_people_and_files_it_cannot_read(db, tmp_path):
    file = tmp_path / "iqa.yaml"
    file.write_text(MINIMAL.replace("title: Final", "title: 1"))
    with pytest.raises(CommandError, match=r"phases\[1\]\.title"):
        call_command("create_challenge", str(file))
    with pytest.raises(CommandError, match="no user «nobody»"):
        call_command("create_challenge", str(file), "--organiser", "nobody")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("create_challenge", str(tmp_path / "absent.yaml"))
    file.write_bytes(b"\xff\xfe\xff")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("create_challenge", str(file))


# --- the page ---------------------------------------------------------------------------------------------------------
def test_the_page_shows_what_a_file_makes_and_makes_it_when_confirmed(client, world):
    client.force_login(world.organiser)
    preview = client.post("/challenges/new/", {"text": MINIMAL, "action": "preview"})
    page = preview.content.decode()
    assert "What will be made" in page
    assert "2030-02-08 00:00 UTC" in page
    assert not Challenge.objects.filter(slug="iqa-2030").exists()
    made = client.post("/challenges/new/", {"text": MINIMAL.replace("\n", "\r\n"), "action": "create"})
    assert made["Location"] == "/c/iqa-2030/"
    assert "Not published" in client.get("/c/iqa-2030/").content.decode()


def test_the_page_takes_an_uploaded_file_and_names_every_error(client, world):
    client.force_login(world.organiser)
    wrong = MINIMAL.replace("title: Final", "title: 1").encode()
    response = client.post("/challenges/new/", {"file": io.BytesIO(wrong), "action": "create"})
    assert response.status_code == 422
    assert "phases[1].title: text is expected" in response.content.decode()
    response = client.post("/challenges/new/", {"file": io.BytesIO(b"\xff\xfe"), "action": "preview"})
    assert "not UTF-8 text" in response.content.decode()


def test_an_organiser_downloads_the_file_and_clones_the_challenge(client, world):
    client.force_login(world.organiser)
    for form in ("yaml", "json"):
        download = client.get(f"/c/iqa/configuration.{form}")
        assert download["Content-Disposition"] == f'attachment; filename="iqa.{form}"'
        assert parse(download.content.decode(), slug="x").phases[1].slug == "final"
    page = client.get("/challenges/new/?from=iqa")
    text = page.context["form"].initial["text"]
    assert client.post("/challenges/new/", {"text": text, "action": "create"})["Location"] == "/c/iqa-copy/"
    assert Challenge.objects.get(slug="iqa-copy").phases.count() == 2
