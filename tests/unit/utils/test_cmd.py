"""utils/cmd.sh: the options of each backend are those that its program takes."""

import subprocess
from pathlib import Path

import pytest
import run_local
from slurm.request import read_request

CMD = Path(__file__).parents[3] / "utils" / "cmd.sh"
KINDS = ("train", "cuda", "dump", "score")


def commands(backend):
    """The array of each kind."""
    show = "".join(f"printf '%s\\0' \"${{{kind}_cmd[@]}}\" $'\\n'\n" for kind in KINDS)
    done = subprocess.run(
        ["bash", "-euc", f'. "$1"\n{show}', "bash", CMD],
        env={"FAD_BACKEND": backend, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip(KINDS, (line.split("\0") for line in done.stdout.split("\n\0")), strict=False))


@pytest.mark.parametrize("backend", ["local", "slurm"])
def test_every_command_is_understood(backend, monkeypatch):
    monkeypatch.delenv("FAD_SLURM_CONF", raising=False)
    found = commands(backend)
    assert set(found) == set(KINDS)
    for words in found.values():
        program, *options = [word for word in words if word]
        assert program == f"run_{backend}.py"
        if backend == "slurm":
            read_request([*options, "x.log", "true"])
        else:
            run_local.get_parser().parse_args([*options, "x.log", "true"])


@pytest.mark.parametrize("backend", ["local", "slurm"])
@pytest.mark.parametrize("kind", ["dump", "score"])
def test_dumps_and_scores_do_not_depend_on_the_number_of_jobs(backend, kind):
    words = commands(backend)[kind]
    assert words[words.index("--num_threads") + 1] == "1"
