"""J. Cheating: what organisers can see of second accounts, as facts. Copied files: tests/desk/test_evidence.py."""

import pytest

from challenge.contests.services import join_challenge
from challenge.desk.lookalikes import mailbox, stem
from tests.complaints.conftest import HOME, Site, words
from tests.factories import make_user

EVIDENCE = f"{HOME}development/evidence/"


def test_accounts_of_one_mailbox_and_names_with_a_number_behind_them_are_shown_to_organisers(site: Site):
    """visda21 #9 "some users change their names putting a number at the end: name, name1, name2"; grand-challenge
    #543: new accounts to avoid the waiting time; waymo-open-dataset #185, clvision-2022 #20, MVP_Benchmark #15."""
    alike = "Accounts and teams that look alike"
    assert "No two teams" in words(site["organiser"].look(EVIDENCE)).partition(alike)[2]
    people = {"zoe": "Wolves", "zoe1": "Foxes", "yann": "Bears", "helper": "Aces 2"}
    for name, team in people.items():
        user = make_user(name)
        user.email = "Alice+second@example.org" if name == "yann" else user.email
        user.save()
        join_challenge(user=user, challenge=site.world.challenge, team_name=team, accepts_terms=True)
    text = words(site["organiser"].look(EVIDENCE)).partition(alike)[2]
    assert "Same mailbox: alice, Aces ; yann, Bears" in text
    assert "User names: zoe, Wolves ; zoe1, Foxes" in text
    assert "Team names: alice, Aces ; bob, Aces ; helper, Aces 2" in text
    assert "Rivals" not in text  # and nobody else; mates of one team are no evidence
    for name in ("alice", "mallory"):
        site[name].look(EVIDENCE, status=404)


@pytest.mark.parametrize(
    ("address", "same"),
    [
        ("Anna@Example.org", "anna@example.org"),
        ("anna+iqa@example.org", "anna@example.org"),
        ("a.n.na+x@gmail.com", "anna@gmail.com"),
        ("a.nna@example.org", "a.nna@example.org"),
        ("", ""),
        ("+x@example.org", ""),
    ],
)
def test_a_mailbox_is_what_its_spellings_have_in_common(address, same):
    assert mailbox(address) == same


@pytest.mark.parametrize(
    ("name", "same"), [("Name-12", "name"), ("ＮＡＭＥ", "name"), ("name 1a", "name1a"), ("T1", ""), ("42", "")]
)
def test_a_name_without_its_number_needs_letters(name, same):
    assert stem(name) == same
