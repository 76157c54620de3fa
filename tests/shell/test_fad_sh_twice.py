"""Two runs of the stage script at once, and its text changed under a run."""

import shutil
import subprocess

import pytest


@pytest.mark.parametrize(
    ("held", "how", "options", "refused"),
    [
        ("exp/lora", "--exclusive", ("--stage", "4"), True),
        ("exp/lora", "--exclusive", ("--stage", "4", "--tag", "other"), False),
        ("dump", "--exclusive", ("--stage", "3"), True),
        ("dump", "--shared", ("--stage", "3"), False),
        ("dump", "--shared", ("--stage", "2", "--stop_stage", "2"), True),
    ],
)
def test_a_second_run_in_the_same_place_is_refused(recipe, held, how, options, refused):
    recipe.add_all()
    shutil.copytree(recipe.path / "exp/lora", recipe.path / "exp/other")
    lock = recipe.path / held / ".run.lock"
    lock.write_text("run.sh, process 1 on here\n")
    holder = ["flock", "-n", how, lock, "sh", "-c", "echo held; read -r end"]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        done = recipe.run(*options)
        other.communicate(b"\n")
    if refused:
        assert done.returncode == 1
        assert f"{held} is in use by run.sh, process 1 on here: wait for its end" in done.stderr
        assert recipe.calls() == []
    else:
        assert done.returncode == 0, done.stderr
    assert recipe.run(*options).returncode == 0  # once the other has ended


def test_the_script_may_be_edited_while_it_runs(recipe):
    recipe.add_all()
    script = recipe.path.parent / "TEMPLATE" / "fad.sh"
    edit = f"echo 'touch canary' >> {script}"
    done = recipe.run("--stage", "3", "--stop_stage", "3", EDIT=edit)
    assert done.returncode == 0, done.stderr
    assert "touch canary" in script.read_text()
    assert not (recipe.path / "canary").exists()
