"""Requests: from a plan, checked, and in batches."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generation.catalogue.models import DEMO, read_catalogue
from generation.plan.deck import Prompt
from generation.plan.plan import make_plan, write_plan
from generation.problems import InvalidInput
from generation.render import ImageRequest, batches, check_requests, read_requests

requests = st.builds(
    ImageRequest,
    name=st.just("x.png"),
    prompt=st.just("a cat"),
    generator=st.sampled_from(["A", "B", "C"]),
    steps=st.sampled_from([None, 4, 40]),
    cfg=st.sampled_from([None, 7.5]),
    width=st.just(512),
    height=st.sampled_from([512, 384]),
    seed=st.integers(0, 2**32 - 1),
)


@given(st.lists(requests), st.integers(1, 5))
def test_batches_hold_every_request_once_are_alike_and_load_each_model_once(planned, size):
    made = batches(planned, size)
    key = repr
    assert sorted((one for batch in made for one in batch), key=key) == sorted(planned, key=key)
    assert all(len(batch) <= size and len({one.key for one in batch}) == 1 for batch in made)
    generators = [batch[0].generator for batch in made]
    switches = sum(a != b for a, b in pairwise(generators))
    assert switches == max(0, len(set(generators)) - 1)


@given(st.lists(requests), st.integers(1, 5))
def test_no_two_batches_could_have_been_one(planned, size):
    short = [batch[0].key for batch in batches(planned, size) if len(batch) < size]
    assert len(short) == len(set(short))


def test_a_batch_of_nothing_is_an_error():
    with pytest.raises(ValueError, match="1 image or more"):
        batches([], 0)


def test_a_plan_is_read_as_it_was_written(tmp_path):
    prompts = [Prompt(str(i), f"a circle, {i}", "1-20") for i in range(40)]
    plan = make_plan(read_catalogue(DEMO), images=40, prompts=prompts)
    write_plan(plan, tmp_path / "plan.csv")
    read = read_requests(tmp_path / "plan.csv")
    assert [(one.name, one.steps, one.seed) for one in read] == [(i.name, i.iterations, i.seed) for i in plan.images]
    assert [one.cfg for one in read] == [float(image.cfg) for image in plan.images]


def test_what_a_service_does_not_tell_is_none(tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text("name,model,prompt,iterations,cfg,width,height,seed\nMJ_1.png,MJ,a cat,,,1024,1024,5\n")
    assert read_requests(path) == [ImageRequest("MJ_1.png", "a cat", "MJ", None, None, 1024, 1024, 5)]


def test_every_bad_field_of_a_plan_is_named_with_its_line(tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text(
        "name,model,prompt,iterations,cfg,width,height,seed\na.png,A,a cat,4.5,1,64,64,5\nb.png,A,a cat,4,x,64,,-1\n"
    )
    with pytest.raises(InvalidInput) as refused:
        read_requests(path)
    said = str(refused.value)
    for part in ("csv:2: iterations is '4.5'", "csv:3: cfg is 'x'", "csv:3: height is ''", "csv:3: seed is '-1'"):
        assert part in said


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"generator": "Dall-E"}, "'Dall-E' is not in the catalogue; it has: SD1.4, SD1.5"),
        ({"generator": "MJ"}, "MJ cannot be drawn here; bring its images with `python -m generation import`"),
        ({"steps": 0}, "steps must be 1 or more"),
        ({"cfg": -1.0}, "cfg must be 0 or more"),
        ({"seed": 2**32}, "the seed must be from 0 to 2**32 - 1"),
        ({"width": 60}, "the width 60 is not a multiple of 8"),
        ({"height": 0}, "the height 0 is not a multiple of 8"),
        ({"generator": "IF", "width": 1000, "height": 1024}, "the width 1000 is not a multiple of 16, the scale of IF"),
        ({"name": "../x.png"}, "the name must end in .png"),
        ({"prompt": " "}, "the prompt is empty"),
    ],
)
def test_a_request_that_cannot_be_drawn_says_why(entries, request_of, changed, said):
    check_requests([request_of()], entries)
    with pytest.raises(InvalidInput) as refused:
        check_requests([request_of(**changed)], entries)
    assert said in str(refused.value)


def test_a_name_may_occur_once_whatever_its_case(entries, request_of):
    one = request_of()
    with pytest.raises(InvalidInput, match="the name is there twice"):
        check_requests([one, replace(one, name=one.name.upper().replace(".PNG", ".png"))], entries)
