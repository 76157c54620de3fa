"""utils/path.sh, cmd.sh and log.sh: what a script finds after it has sourced them."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def fake_venv(folder: Path) -> Path:
    python = folder / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text("#!/bin/sh\necho fake\n")
    python.chmod(0o755)
    return folder


def test_path_puts_the_environment_first_from_any_folder(bash, tmp_path):
    venv = fake_venv(tmp_path / "a venv")
    done = bash(
        f"set -euo pipefail; . {ROOT}/utils/path.sh\n"
        "python; command -v run_local.py; echo $PYTHONPATH $LC_ALL $PYTHONUNBUFFERED $FAD_ROOT",
        env={"VENV": str(venv), "PYTHONPATH": "/old"},
    )
    assert done.stdout.splitlines() == [
        "fake",
        f"{ROOT}/utils/run_local.py",
        f"{ROOT}:/old C.UTF-8 1 {ROOT}",
    ], done.stderr


def test_path_twice_is_path_once(bash, tmp_path):
    source = f". {ROOT}/utils/path.sh\n"
    show = 'printf "%s\\n" "$PATH" "$PYTHONPATH" "$VENV"\n'
    env = {"VENV": str(fake_venv(tmp_path / "venv")), "PYTHONPATH": ""}
    once = bash("set -eu\n" + source + show, env=env).stdout
    assert once.splitlines()[1] == str(ROOT)
    assert bash("set -eu\n" + source * 2 + show, env=env).stdout == once


def test_path_without_an_environment_names_the_set_up(bash, tmp_path):
    done = bash(f"set -e; . {ROOT}/utils/path.sh; echo reached", env={"VENV": str(tmp_path / "no")})
    assert done.returncode == 1
    assert "tools/setup.sh" in done.stderr
    assert "reached" not in done.stdout


def test_sorting_is_by_bytes(bash, tmp_path):
    env = {"VENV": str(fake_venv(tmp_path / "venv")), "LC_ALL": "en_US.UTF-8"}
    done = bash(f". {ROOT}/utils/path.sh; printf 'b\\nB\\na-1\\na1\\né\\n' | sort", env=env)
    assert done.stdout.split() == ["B", "a-1", "a1", "b", "é"]


def test_cmd_has_every_command_and_refuses_an_unknown_backend(bash):
    show = 'echo "${train_cmd[0]} ${cuda_cmd[0]} ${dump_cmd[0]} ${score_cmd[0]}"'
    done = bash(f"set -eu; . {ROOT}/utils/cmd.sh; {show}")
    assert done.stdout.split() == ["run_local.py"] * 4
    done = bash(f"set -eu; . {ROOT}/utils/cmd.sh; {show}", env={"FAD_BACKEND": "slrum"})
    assert done.returncode == 1
    assert "unknown FAD_BACKEND 'slrum'; known: local" in done.stderr


def test_log_has_time_and_place_and_die_ends_the_script(bash):
    use = 'log one "two  %s"\nf() {\n    die "no $1"\n}\nf x\necho z'
    done = bash(f"set -eu\n. {ROOT}/utils/log.sh\n{use}")
    first, second = done.stderr.splitlines()
    time = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
    assert re.fullmatch(time + r" \(script\.sh:3:main\) one two  %s", first)
    assert re.fullmatch(time + r" \(script\.sh:5:f\) error: no x", second)
    assert (done.returncode, done.stdout) == (1, "")


def test_no_shell_script_evaluates_text():
    listed = subprocess.run(
        ["git", "ls-files", "*.sh", ".ci/run"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    scripts = listed.stdout.split()
    assert "utils/parse_options.sh" in scripts
    call = re.compile(r"(^|[;&|({]|\b(then|do|else|!)\b)\s*eval\s")
    for name in scripts:
        text = (ROOT / name).read_text(encoding="utf-8")
        code = [line.split("#")[0] for line in text.splitlines()]
        assert not any(call.search(line) for line in code), name
