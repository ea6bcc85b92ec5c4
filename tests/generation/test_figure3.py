"""Figure 3: its numbers against numpy and scipy, and files whose bytes do not change."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ks_2samp

from generation.attributes import ATTRIBUTES
from generation.attributes.figure import draw, figure3, read_flags
from generation.problems import InvalidInput

FLAGS = ("iteration_default", "cfg_default", "resolution_default")


def sample(n=400):
    """Attributes and flags of n images; where the CFG is adjusted, images are more colourful."""
    rng = np.random.default_rng(0)
    flags = {f"{i}.png": dict(zip(FLAGS, (rng.random(3) < 0.5).tolist(), strict=True)) for i in range(n)}
    values = {}
    for name, flag in flags.items():
        drawn = dict(zip(ATTRIBUTES, rng.normal(0.5, 0.1, len(ATTRIBUTES)), strict=True))
        drawn["colour"] += 0.2 * (not flag["cfg_default"])
        values[name] = {
            f"{a}{size}": f"{drawn[a] * (1 if size else 3):.6f}" for a in ATTRIBUTES for size in ("", "_512")
        }
    return values, flags


def test_curves_are_shares_of_the_normalised_values_of_each_panel():
    values, flags = sample()
    found = figure3(values, flags)
    colour = np.array([float(row["colour_512"]) for row in values.values()])
    low, high = np.quantile(colour, [0.005, 0.995])
    assert found["ranges"]["colour"] == [low, high]
    scaled = np.clip((colour - low) / (high - low), 0, 1)
    chosen = np.array([not flag["cfg_default"] for flag in flags.values()])
    panel = found["panels"][2]
    assert panel["title"] == "CFG adjusted"
    assert panel["n"] == chosen.sum()
    assert panel["probability"]["colour"] == pytest.approx(np.histogram(scaled[chosen], 10, (0, 1))[0] / chosen.sum())
    assert panel["ks"]["colour"] == pytest.approx(ks_2samp(scaled[chosen], scaled).statistic)
    assert panel["ks"]["colour"] > 3 * panel["ks"]["light"]
    for panel in found["panels"]:
        for curve in panel["probability"].values():
            assert sum(curve) == pytest.approx(1)
    assert found["panels"][0]["n"] == 400
    assert set(found["panels"][0]["ks"].values()) == {0}


def test_native_values_are_taken_on_request():
    values, flags = sample()
    native, scaled = figure3(values, flags, native=True), figure3(values, flags)
    assert native["size"] == "native"
    assert native["ranges"]["si"][1] == pytest.approx(3 * scaled["ranges"]["si"][1], rel=1e-5)


def test_empty_panels_and_constant_attributes_are_null_and_zero():
    values, flags = sample(40)
    for name in values:
        flags[name]["cfg_default"] = True
        values[name]["si_512"] = "7"
    found = figure3(values, flags)
    empty = found["panels"][2]
    assert empty["n"] == 0
    assert set(empty["probability"].values()) == set(empty["ks"].values()) == {None}
    assert found["panels"][0]["probability"]["si"] == [1] + [0] * 9
    json.dumps(found, allow_nan=False)


def test_only_images_in_both_tables_count():
    values, flags = sample(40)
    del values["3.png"], flags["5.png"]
    assert figure3(values, flags)["n"] == 38
    with pytest.raises(InvalidInput, match="no image is in both"):
        figure3(values, {"other.png": flags["1.png"]})
    values["7.png"]["blur_512"] = ""
    with pytest.raises(InvalidInput, match=r"blur_512 of '7\.png' is not a number"):
        figure3(values, flags)


def test_files_have_the_same_bytes_in_every_run(tmp_path):
    values, flags = sample(60)
    numbers = figure3(values, flags)
    draw(numbers, tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text()) == numbers
    code = (
        "import json, sys, pathlib; from generation.attributes.figure import draw; "
        "numbers = json.loads(pathlib.Path(sys.argv[1]).read_text()); "
        "[draw(numbers, pathlib.Path(name)) for name in sys.argv[2:]]"
    )
    names = [str(tmp_path / f"b{ending}") for ending in (".svg", ".pdf")]
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "a.json"), *names], check=True, cwd=root)
    for ending in (".svg", ".pdf"):
        draw(numbers, tmp_path / f"a{ending}")
        assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()
    svg = (tmp_path / "a.svg").read_text()
    assert "resolution adjusted" in svg
    assert f"n = {numbers['panels'][1]['n']}" in svg
    assert b"CreationDate" not in (tmp_path / "a.pdf").read_bytes()
    assert b"/Type3" not in (tmp_path / "a.pdf").read_bytes()  # publishers refuse bitmap fonts


def test_a_plan_with_other_flags_is_refused_by_line(tmp_path):
    header = "name,iteration_default,cfg_default,resolution_default\n"
    (tmp_path / "p.csv").write_text(header + "a.png,true,0,FALSE\n")
    assert read_flags(tmp_path / "p.csv") == {"a.png": dict(zip(FLAGS, (True, False, False), strict=True))}
    (tmp_path / "p.csv").write_text(header + "a.png,true,0,FALSE\nb.png,yes,0,1\n")
    with pytest.raises(InvalidInput, match=r"p\.csv:3: iteration_default 'yes' is neither true nor false"):
        read_flags(tmp_path / "p.csv")
    (tmp_path / "p.csv").write_text("name,iteration_default\na.png,true\n")
    with pytest.raises(InvalidInput, match="no column cfg_default"):
        read_flags(tmp_path / "p.csv")
