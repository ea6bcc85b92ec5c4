"""Plan a database: one row per image with model, steps, CFG, size, seed and prompt.

Without options: the paper's 20,000 images of 15 models. Half of each model's images are at the default of each factor
and at least 500 have all defaults; every margin is met exactly; the same seed gives the same file on any machine.

    python -m generation plan --out plan.csv --prompts kept.csv --report plan_report.md
    python -m generation plan --out small.csv --images 200
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from generation.catalogue.models import PAPER, read_catalogue
from generation.options import whole_number
from generation.plan.deck import read_prompts
from generation.plan.design import POLICIES
from generation.plan.levels import RANDOM_CFG
from generation.plan.plan import PROMPT_MODES, make_plan, write_plan
from generation.plan.report import as_markdown, plan_report, write_report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `plan`."""
    parser.add_argument("--out", type=Path, required=True, metavar="PLAN.csv", help="file to write")
    parser.add_argument(
        "--prompts",
        type=Path,
        metavar="KEPT.csv",
        help="prompts to deal out: column prompt, and id, length_bin or tokens if there; without it prompts stay empty",
    )
    parser.add_argument(
        "--policy",
        choices=POLICIES,
        default=POLICIES[0],
        help="what to keep where half at each default and 500 all-default images exclude each other (models with two "
        "factors): guarantee keeps the 500 and gives up the half (default); strict keeps both and confounds the "
        "factors; marginals keeps the half and has no anchors",
    )
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="of everything that is drawn (default 0)"
    )
    parser.add_argument(
        "--images",
        type=whole_number,
        metavar="N",
        help="size of the database; quotas are scaled to it (default the catalogue's)",
    )
    parser.add_argument(
        "--models",
        type=Path,
        default=PAPER,
        metavar="MODELS.yaml",
        help="catalogue of models, in the form of generation/catalogue/paper.yaml (the default: the paper's 15)",
    )
    parser.add_argument(
        "--prompt-mode",
        choices=PROMPT_MODES,
        default=PROMPT_MODES[0],
        help="unique: each prompt in one image (default); shared_anchor: the anchor images of all models show the same "
        "prompts; crossed: all models show the same prompts",
    )
    parser.add_argument(
        "--random-cfg",
        choices=RANDOM_CFG,
        default=RANDOM_CFG[0],
        help="law of the random CFG between half and twice the default (default log-uniform: as often below as above)",
    )
    parser.add_argument(
        "--report",
        type=Path,
        metavar="REPORT.json",
        help="also write the report: JSON, or Markdown if the name ends in .md",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the plan, print the report."""
    plan = make_plan(
        read_catalogue(arguments.models),
        images=arguments.images,
        policy=arguments.policy,
        seed=arguments.seed,
        prompts=None if arguments.prompts is None else read_prompts(arguments.prompts),
        prompt_mode=arguments.prompt_mode,
        random_cfg=arguments.random_cfg,
    )
    write_plan(plan, arguments.out)
    report = plan_report(plan)
    if arguments.report is not None:
        write_report(report, arguments.report)
    sys.stdout.write(as_markdown(report))
    return 0
