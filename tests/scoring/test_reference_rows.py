"""The trivial baseline: what knowing the generator alone predicts."""

import csv

import numpy as np
import pytest

import scoring
from scoring.reference_rows import group_mean_predictions
from tests.reference import shared


@pytest.fixture(scope="module")
def aigiqa():
    with shared("aigiqa20k-train/info_train.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    key = {row["name"]: float(row["mos"]) for row in rows}
    return key, [name.rsplit("_", 1)[0] for name in key]


def scores(predictions, key):
    x, y = (np.array([values[name] for name in key]) for values in (predictions, key))
    return scoring.srocc(x, y), scoring.krocc(x, y), scoring.pearson(x, y), scoring.plcc(x, y)


def test_the_generator_alone_reaches_the_quoted_values_on_aigiqa_20k(aigiqa):
    key, generators = aigiqa
    srocc, krocc, pearson, plcc = scores(group_mean_predictions(key, generators), key)
    assert srocc == pytest.approx(0.7222, abs=5e-5)
    assert krocc == pytest.approx(0.5422, abs=5e-5)
    assert pearson == pytest.approx(0.7115, abs=5e-5)
    assert plcc == pytest.approx(0.7115, abs=5e-5)


def test_leaving_an_image_out_of_its_own_mean_is_an_artefact(aigiqa):
    key, generators = aigiqa
    predictions = group_mean_predictions(key, generators, leave_one_out=True)
    srocc, krocc, pearson, plcc = scores(predictions, key)
    assert srocc == pytest.approx(0.6654, abs=5e-5)
    assert krocc == pytest.approx(0.4369, abs=5e-5)
    assert pearson == pytest.approx(0.7108, abs=5e-5)
    assert plcc == pytest.approx(0.7489, abs=5e-4)  # eq. 4 makes use of the order the leaving out has made
    for generator in ("MJ", "SDXL"):
        names = [name for name, label in zip(key, generators, strict=True) if label == generator]
        assert scoring.srocc([predictions[n] for n in names], [key[n] for n in names]) == -1


def test_means_of_other_images_agree_with_the_default(aigiqa):
    key, generators = aigiqa
    label = dict(zip(key, generators, strict=True))
    order = np.random.default_rng(0).permutation(list(key))
    here, there = order[:7000], order[7000:]
    part = {name: key[name] for name in here}
    default = scores(group_mean_predictions(part, [label[n] for n in here]), part)
    means = group_mean_predictions({n: key[n] for n in there}, [label[n] for n in there])
    mean_of = {label[n]: value for n, value in means.items()}
    held_out = scores({n: mean_of[label[n]] for n in here}, part)
    assert default[0] == pytest.approx(held_out[0], abs=4e-3)
    assert default[0] >= held_out[0]


def test_a_column_of_the_key_names_the_groups(tmp_path):
    path = tmp_path / "key.csv"
    path.write_text("name,mos,generator\na,1,x\nb,2,x\nc,4,y\nd,5,y\ne,3,z\nf,0,\n")
    assert group_mean_predictions(path, "generator") == {"a": 1.5, "b": 1.5, "c": 4.5, "d": 4.5, "e": 2.5, "f": 2.5}
    alone = group_mean_predictions(path, "generator", leave_one_out=True)
    assert alone == {"a": 2, "b": 1, "c": 5, "d": 4, "e": 2.4, "f": 3}
    with pytest.raises(ValueError, match="no column 'model'"):
        group_mean_predictions(path, "model")
    with pytest.raises(ValueError, match="2 labels for 6 images"):
        group_mean_predictions(path, ["x", "y"])


def test_the_order_of_rows_does_not_matter_to_the_bit():
    rng = np.random.default_rng(0)
    key = {f"{i}.png": value for i, value in enumerate(rng.uniform(0, 5, 100).tolist())}
    labels = {name: str(i % 7) for i, name in enumerate(key)}
    backwards = dict(reversed(key.items()))
    one = group_mean_predictions(key, [labels[name] for name in key])
    other = group_mean_predictions(backwards, [labels[name] for name in backwards])
    assert one == other
