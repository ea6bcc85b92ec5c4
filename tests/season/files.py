"""What goes into a season: two answer keys, a corrected one, and the predictions of forty teams of differing skill.

Files of the final are zips with a `readme.txt`, as the rules of NTIRE challenges ask for.
"""

import io
import math
import random
import zipfile

TEAMS = [f"Team {number:02d}" for number in range(40)]
CONSTANT, TWIN, ASLEEP = TEAMS[37], TEAMS[38], TEAMS[39]
TWIN_OF = TEAMS[6]
IMAGES = {"development": 60, "final": 72}
GENERATORS = ("alpha", "beta", "gamma")


def hidden(phase: str) -> dict[str, float]:
    """Image -> MOS, the same in every run."""
    rng = random.Random(phase)
    return {f"{phase}_{number:03d}.png": round(rng.uniform(1, 5), 4) for number in range(IMAGES[phase])}


def key_csv(phase: str) -> bytes:
    """The answer key of a phase; that of the final has groups of 24 images."""
    if phase == "development":
        lines = ["name,mos", *(f"{name},{mos}" for name, mos in hidden(phase).items())]
    else:
        rows = enumerate(hidden(phase).items())
        lines = ["name,mos,generator", *(f"{name},{mos},{GENERATORS[place % 3]}" for place, (name, mos) in rows)]
    return ("\n".join(lines) + "\n").encode()


def corrected_key_csv() -> bytes:
    """The key of the development phase, its first fifteen MOS in the right order at last."""
    names, values = list(hidden("development")), list(hidden("development").values())
    values[:15] = values[14::-1]
    return ("name,mos\n" + "".join(f"{name},{mos}\n" for name, mos in zip(names, values, strict=True))).encode()


def predictions(team: str, phase: str, attempt: int = 0, *, better: float = 0.0) -> bytes:
    """A file of this team: the MOS on another scale, with noise that grows with the team's number.

    `better` takes so much of the noise away.
    """
    if team == TWIN:
        return predictions(TWIN_OF, phase, attempt)
    if team == CONSTANT:
        return constant(phase)
    rng = random.Random(f"{team} {phase} {attempt}")
    noise = max(0.1, 0.3 + 0.05 * TEAMS.index(team) - better)
    lines = []
    for name, mos in hidden(phase).items():
        lines.append(f"{name},{100 / (1 + math.exp(3 - mos - rng.gauss(0, noise))):.3f}\n")
    content = "".join(lines).encode()
    return packed(team, content) if phase == "final" else content


def packed(team: str, content: bytes) -> bytes:
    """A zip of predictions and what the team says of its method; the same bytes each time."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(zipfile.ZipInfo("output.txt"), content)
        archive.writestr(zipfile.ZipInfo("readme.txt"), readme(team))
    return buffer.getvalue()


def runtime_of(team: str) -> float:
    """Seconds per image, as the team states it."""
    return round(0.05 + TEAMS.index(team) / 100, 2)


def readme(team: str) -> str:
    """The four lines that NTIRE challenges ask for."""
    return (
        f"runtime per image [s] : {runtime_of(team)}\nCPU[1] / GPU[0] : {TEAMS.index(team) % 2}\n"
        f"Extra Data [1] / No Extra Data [0] : {TEAMS.index(team) % 2}\nOther description : How {team} did it.\n"
    )


def scores_in(content: bytes) -> dict[str, float]:
    """The predictions of such a zip."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        lines = archive.read("output.txt").decode().splitlines()
    return {name: float(score) for name, score in (line.split(",") for line in lines)}


def constant(phase: str, attempt: int = 0) -> bytes:
    """A file of a program with a bug: every score the same. It is accepted, counts, and has no main score."""
    return "".join(f"{name},{3 + attempt}\n" for name in hidden(phase)).encode()
