"""Two runs of the stage script at once, and its text changed under a run."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from tests.helpers.processes import family, kill, runs


@pytest.mark.parametrize(
    ("held", "how", "options", "refused"),
    [
        ("data", "--exclusive", ("--stop_stage", "1"), True),
        ("data", "--exclusive", ("--stage", "2", "--stop_stage", "2"), True),
        ("dump", "--shared", ("--stop_stage", "1"), False),
        ("exp/lora", "--exclusive", ("--stage", "4"), True),
        ("exp/lora", "--shared", ("--stage", "4"), True),  # by a job that another run left
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
    shorten_the_wait(recipe)
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        done = recipe.run(*options)
        other.communicate(b"\n")
    if refused:
        assert done.returncode == 1
        assert f"error: {held} is " in done.stderr
        assert "run.sh, process 1 on here" in done.stderr
        assert recipe.calls() == []
    else:
        assert done.returncode == 0, done.stderr
    assert recipe.run(*options).returncode == 0  # once the other has ended


def test_a_stage_2_with_nothing_to_do_stands_beside_a_training(recipe):
    recipe.add_all()
    lock = recipe.path / "dump/.run.lock"
    holder = ["flock", "-n", "--shared", lock, "sh", "-c", "echo held; read -r end"]
    shorten_the_wait(recipe)
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        done = recipe.run("--stage", "2", "--stop_stage", "2", IS_DONE="--is_done true")
        changed = recipe.run("--stage", "2", "--stop_stage", "2")
        other.communicate(b"\n")
    assert done.returncode == 0, done.stderr
    assert "stage 2: nothing has changed" in done.stderr and recipe.calls() == []
    assert changed.returncode == 1
    assert f"open in process {other.pid}: " in changed.stderr


def test_a_run_of_a_study_waits_for_as_long_as_it_takes_and_says_for_whom(recipe):
    recipe.add_all()
    shorten_the_wait(recipe)
    lock = recipe.path / "dump/.run.lock"
    holder = ["flock", "-n", "--shared", lock, "sh", "-c", "echo held; read -r end"]
    words = ["./run.sh", "--stage", "2", "--stop_stage", "2"]
    (recipe.path / "calls").write_text("")
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        env = {**recipe.env, "FAD_WAIT": "true"}
        with subprocess.Popen(
            words, cwd=recipe.path, env=env, stderr=subprocess.PIPE, text=True
        ) as run:
            said = next(line for line in run.stderr if "waiting for its end" in line)
            assert f"open in process {other.pid}: " in said
            assert recipe.calls() == []
            other.communicate(b"\n")
            assert run.wait(timeout=30) == 0
    assert "dump_audio" in recipe.called()


@pytest.mark.parametrize(("code", "says"), [(71, "there are no locks"), (1, "in use by another")])
def test_a_file_system_without_locks_is_told_from_a_lock_that_another_has(recipe, code, says):
    recipe.add_all()
    flock = recipe.path / "bin/flock"
    flock.parent.mkdir()
    flock.write_text(f"#!/bin/sh\nexit {code}\n")
    flock.chmod(0o755)
    done = recipe.run("--stop_stage", "1", PATH=f"{flock.parent}:{recipe.env['PATH']}")
    assert says in done.stderr
    assert (done.returncode == 0) is (code == 71)
    assert ("error:" in done.stderr) is (code == 1)


@pytest.mark.parametrize("place", ["log/score_eval.1.log", "scores/eval", "x/y", "log"])
def test_an_experiment_with_links_is_refused_and_nothing_is_written_through_them(recipe, place):
    recipe.add_all()
    victim = recipe.path / "victim"
    victim.write_text("mine")
    link = recipe.path / "exp/lora" / place
    link.unlink(missing_ok=True)
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(victim)
    done = recipe.run("--stage", "4")
    assert done.returncode == 1
    assert f"exp/lora/{place} is no regular file" in done.stderr
    assert victim.read_text() == "mine"
    assert recipe.calls() == []


def shorten_the_wait(recipe) -> None:
    script = recipe.path.parents[1] / "utils/locks.sh"
    assert "_lock_wait=8" in script.read_text()
    script.write_text(script.read_text().replace("_lock_wait=8", "_lock_wait=0.2"))


@pytest.mark.parametrize(("last", "free"), [("2", False), ("3", True)])
def test_data_is_held_while_it_is_dumped_and_no_longer(recipe, last, free):
    recipe.add_all()
    attempt = "flock -n --exclusive data/.run.lock touch free"  # at each call of Python
    done = recipe.run("--stage", "2", "--stop_stage", last, EDIT=attempt)
    assert done.returncode == 0, done.stderr
    assert (recipe.path / "free").exists() is free


@pytest.mark.parametrize(
    ("options", "folder", "job"),
    [
        (("--stage", "2", "--stop_stage", "2"), "dump", "dump_audio"),
        (("--stage", "2", "--stop_stage", "2"), "dump", "dump_frames"),
        (("--stage", "3", "--stop_stage", "3"), "exp/lora", "train"),
        (("--stage", "4", "--stop_stage", "4"), "exp/lora", "score_set"),
    ],
)
def test_jobs_know_their_run_and_its_folder(recipe, options, folder, job):
    recipe.add_all()
    told = 'echo "$(tail -n 1 "$CALLS")@$FAD_RUN@$FAD_RUN_IN@$(cat "$FAD_RUN_IN/.run.lock")" >>told'
    done = recipe.run(*options, EDIT=told)
    assert done.returncode == 0, done.stderr
    lines = [line.split("@") for line in (recipe.path / "told").read_text().splitlines()]
    jobs = [told for call, *told in lines if f"fad.bin.{job}" in call]
    assert jobs
    for run, where, name in jobs:
        assert where == str(recipe.path / folder)
        assert run == name and run.startswith("run.sh, process ")


def test_another_recipes_dump_is_held_while_its_set_is_scored(recipe):
    recipe.add_all()
    recipe.add("../other/dump/audio/eval/wav.scp", "exp/lora/scores/other/eval")
    shorten_the_wait(recipe)
    lock = recipe.path.parent / "other/dump/.run.lock"
    words = ("--stage", "4", "--stop_stage", "4", "--test_sets", "other/eval")
    holder = ["flock", "--exclusive", lock, "sh", "-c", "echo held; read -r end"]
    with subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        other.stdout.readline()
        done = recipe.run(*words)
        other.communicate(b"\n")
    assert done.returncode == 1
    assert "../other/dump is being written by" in done.stderr
    assert recipe.run(*words).returncode == 0


def test_a_dump_that_nobody_may_write_to_can_be_read(recipe):
    recipe.add_all()
    if os.access(recipe.path, os.W_OK) and os.getuid() == 0:
        # The superuser may write anywhere: a folder in the lock's place is the same to bash.
        (recipe.path / "dump/.run.lock").mkdir()
    else:
        (recipe.path / "dump").chmod(0o555)
    done = recipe.run("--stage", "4", "--stop_stage", "4")
    (recipe.path / "dump").chmod(0o755)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_jobs_end_with_the_script(recipe, number):
    recipe.add_all()
    marks = recipe.path / "started"
    env = {**recipe.env, "EDIT": f"touch {marks}; sleep 60"}
    with subprocess.Popen(
        ["./run.sh", "--stage", "3", "--config", "lora"],
        cwd=recipe.path,
        env=env,
        stderr=subprocess.DEVNULL,
    ) as run:
        wait_until(marks.exists)
        members = family(run.pid)
        run.send_signal(number)
        wait_until(lambda: not any(runs(pid) for pid in members if pid != run.pid))
    assert run.returncode == -number


def test_a_job_that_outlived_its_run_keeps_its_lock(recipe):
    recipe.add_all()
    shorten_the_wait(recipe)
    marks = recipe.path / "started"
    env = {**recipe.env, "EDIT": f"touch {marks}; sleep 60"}
    words = ["./run.sh", "--stage", "4", "--stop_stage", "4"]
    with subprocess.Popen(words, cwd=recipe.path, env=env, stderr=subprocess.DEVNULL) as run:
        wait_until(marks.exists)
        script, runner, *jobs = family(run.pid)
        kill([runner, script])
    try:
        done = recipe.run(*words[1:])
        assert done.returncode == 1
        assert "in use by another run or by jobs that it left" in done.stderr
    finally:
        kill(jobs)
    assert recipe.run(*words[1:]).returncode == 0


def wait_until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_script_may_be_edited_while_it_runs(recipe):
    recipe.add_all()
    script = recipe.path.parent / "TEMPLATE" / "fad.sh"
    edit = f"echo 'touch canary' >> {script}"
    done = recipe.run("--stage", "3", "--stop_stage", "3", EDIT=edit)
    assert done.returncode == 0, done.stderr
    assert "touch canary" in script.read_text()
    assert not (recipe.path / "canary").exists()
