"""study.sh alone: what it runs and what it passes over, with which words, and how it fails.

Python is a recorder, whose `fad.bin.study_runs` prints the runs that a test gives; what it would
print is tested in tests/unit/study/test_plan.py.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HOSTILE = ["$(touch canary)", "`touch canary`", "; touch canary;", "a b * ?", "x' \"y"]
PLAN = 'cat "$RUNS"'  # by every call, of which one is read
STAGES = ["train", "score_set", "calibrate", "results"]
RUNS = [
    "todo\t-\t0\tstudy_frozen\tfrozen",
    "done\t41\t1\tstudy_lora\tlora",
    "todo\t41\t1\tstudy_lora_r=8\tlora\tadaptation_conf.rank=8",
    "todo\t41\t1\tstudy_lora_s=2\tlora\ttrain.seed=2\tx.y=[a, b]",
    "todo\t-\t2\tstudy_full\tfull",
]


class Study:
    """study.sh in a recipe whose Python only notes how it is called."""

    def __init__(self, recipe) -> None:
        self.recipe = recipe
        shutil.copy(ROOT / "egs/TEMPLATE/study.sh", recipe.path.parent / "TEMPLATE")
        recipe.add_all()
        for line in RUNS:
            tag = line.split("\t")[3]
            recipe.add(f"exp/{tag}/best.safetensors", f"exp/{tag}/scores/eval")

    def run(self, *options: str, runs=tuple(RUNS), **env: str):
        (self.recipe.path / "calls").write_text("")
        (self.recipe.path / "runs").write_text("".join(f"{line}\n" for line in runs))
        return subprocess.run(
            ["../TEMPLATE/study.sh", *options],
            cwd=self.recipe.path,
            env={**self.recipe.env, "EDIT": PLAN, "RUNS": str(self.recipe.path / "runs"), **env},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def trained(self) -> list[str]:
        """The experiments that were trained, in order."""
        calls = [call for call in self.recipe.calls() if call[0] == "fad.bin.train"]
        return [call[call.index("--exp") + 1] for call in calls]

    def dumped(self) -> list[str]:
        """The methods that stage 2 was called for, in order."""
        calls = [call for call in self.recipe.calls() if call[0] == "fad.bin.dump_frames"]
        methods = [call[call.index("--config") + 1] for call in calls]
        return list(dict.fromkeys(methods))


@pytest.fixture
def study(recipe) -> Study:
    return Study(recipe)


def test_what_is_done_is_passed_over_and_the_rest_runs_in_order(study):
    done = study.run()
    assert done.returncode == 0, done.stderr
    tags = ["study_frozen", "study_lora_r=8", "study_lora_s=2", "study_full"]
    assert study.trained() == [f"exp/{tag}" for tag in tags]
    called = study.recipe.called()
    assert called[0] == "study_runs"
    assert called[-1] == "study"
    assert called[-5:-1] == STAGES
    assert "done: exp/study/study.md" in done.stderr


def test_stage_2_is_run_once_for_what_needs_the_same_and_not_where_a_run_is_done(study):
    study.run()
    assert study.dumped() == ["frozen", "full"]
    assert study.recipe.called().count("dump_audio") == 2


def test_overrides_reach_training_as_they_are(study):
    study.run()
    call = [call for call in study.recipe.calls() if call[0] == "fad.bin.train"][2]
    words = [call[n + 1] for n, word in enumerate(call) if word == "--set"]
    assert words == ["train.seed=2", "x.y=[a, b]"]


def test_every_run_and_the_plan_are_told_of_the_plugins(study):
    study.recipe.add("own.py")
    told = f'{PLAN}; printf "%s\\n" "$FAD_PLUGINS" >>plugins'
    study.run("--plugin", "own.py", "--methods", "lora lora+aasist", EDIT=told)
    lines = (study.recipe.path / "plugins").read_text().splitlines()
    assert lines == [str(study.recipe.path / "own.py")] * len(study.recipe.calls())
    assert len(study.trained()) == 4
    (call,) = (call for call in study.recipe.calls() if call[0] == "fad.bin.study_runs")
    assert call[call.index("--methods") + 1 :][:2] == ["lora", "lora+aasist"]


def test_where_all_is_done_only_the_report_is_made(study):
    done = study.run(runs=[line.replace("todo", "done") for line in RUNS])
    assert done.returncode == 0, done.stderr
    assert study.recipe.called() == ["study_runs", "study"]


@pytest.mark.parametrize("failing", ["train", "score_set", "results"])
def test_a_run_that_fails_loses_no_other_and_is_named_at_the_end(study, failing):
    done = study.run(FAILING=f"fad.bin.{failing}", FAILING_WITH="study_lora_r=8")
    assert done.returncode == 1
    assert len(study.trained()) == 4
    assert study.recipe.called()[-1] == "study"
    assert "error: failed: study_lora_r=8; " in done.stderr.splitlines()[-1]
    times = (study.recipe.path / "exp/study/times").read_text().split()
    assert times[::2] == ["study_frozen", "study_lora_s=2", "study_full"]


def test_a_stage_2_that_fails_fails_its_run_and_is_tried_for_the_next(study):
    runs = [line.replace("done", "todo") for line in RUNS[1:3]]
    done = study.run(runs=runs, FAILING="fad.bin.dump_audio")
    assert done.returncode == 1
    assert study.trained() == []
    assert "failed: study_lora study_lora_r=8; " in done.stderr.splitlines()[-1]


def test_a_report_that_fails_is_named(study):
    done = study.run(FAILING="fad.bin.study", FAILING_WITH="--exp")
    assert done.returncode == 1
    assert "failed: the report" in done.stderr.splitlines()[-1]


def test_a_plan_that_is_refused_runs_nothing(study):
    done = study.run("--ranks", "x", FAILING="fad.bin.study_runs")
    assert done.returncode == 1
    assert study.recipe.called() == ["study_runs"]


def test_a_dry_run_lists_and_runs_nothing(study):
    done = study.run("--dry_run", "true")
    assert done.returncode == 0, done.stderr
    assert study.recipe.called() == ["study_runs"]
    lines = done.stdout.splitlines()
    assert [line.split() for line in lines[:2]] == [
        ["todo", "-", "study_frozen"],
        ["done", "41", "study_lora"],
    ]
    assert lines[-1].startswith("5 runs, 4 to do; 2 of them in about 82 s")
    assert not (study.recipe.path / "exp/study").exists()


def test_the_report_alone(study):
    done = study.run("--report_only", "true", "--name", "other")
    assert done.returncode == 0, done.stderr
    assert study.recipe.calls() == [["fad.bin.study", "--exp", "exp", "--name", "other"]]


def test_every_axis_reaches_the_plan(study):
    options = {
        "--methods": "frozen lora",
        "--ranks": "1 4",
        "--targets": "q_proj q_proj,v_proj",
        "--crop_samples": "16400",
        "--seeds": "1  2",
        "--lr": "lora=1e-2",
        "--test_sets": "eval other/eval",
    }
    words = [word for option in options.items() for word in option]
    study.run("--dry_run", "true", "--preset", "paper_rank", "--pretrained", "x.pt", *words)
    call = study.recipe.call("study_runs")
    expected = [word for option, text in options.items() for word in (option, *text.split())]
    alone = ["--name=study", "--preset=paper_rank", "--pretrained=x.pt"]
    assert call == ["fad.bin.study_runs", *alone, *expected]


def test_options_for_run_sh_reach_every_run(study):
    study.recipe.add("own.pt")
    options = ["--pretrained", "own.pt", "--test_sets", "eval", "--run_opts=--calibrate=false"]
    done = study.run(*options, "--run_opts", "score_precision=int8", runs=RUNS[:1])
    assert done.returncode == 1  # the second is no option
    done = study.run(*options, "--run_opts=--score_precision=int8", runs=RUNS[:1])
    assert done.returncode == 0, done.stderr
    assert "calibrate" not in study.recipe.called()
    call = study.recipe.call("train")
    assert call[call.index("--pretrained") + 1] == "own.pt"


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_values_are_words_and_run_nothing(study, value):
    lists, alone = ["methods", "ranks", "targets", "lr"], ["preset", "set"]
    study.run("--dry_run", "true", *(f"--{option}={value}" for option in lists + alone))
    expected = [f"--preset={value}"]
    expected += [word for option in lists for word in (f"--{option}", *value.split())]
    assert study.recipe.call("study_runs")[2:] == [*expected, f"--set={value}"]
    assert list(study.recipe.path.rglob("canary")) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_overrides_of_a_run_are_words(study, value):
    study.run(runs=[f"todo\t-\t0\tstudy_lora\tlora\ta.b={value}"])
    call = study.recipe.call("train")
    assert call[call.index("--set") + 1] == f"a.b={value}"
    assert list(study.recipe.path.rglob("canary")) == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--dry_run", "yes"], "--dry_run takes true or false"),
        (["--report_only", "1"], "--report_only takes true or false"),
        (["--name", "a_b"], "--name 'a_b'"),
        (["--name", "../x"], "--name '../x'"),
        (["--name", "-x"], "--name '-x'"),
        (["--name", "$(touch canary)"], "--name"),
        (["--method", "lora"], "did you mean --methods?"),
        (["lora"], "unexpected argument"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(study, options, expected):
    done = study.run(*options)
    assert done.returncode == 1
    assert expected in done.stderr
    assert study.recipe.calls() == []
    assert list(study.recipe.path.rglob("canary")) == []


def test_it_wants_a_recipe(tmp_path):
    script = ROOT / "egs/TEMPLATE/study.sh"
    done = subprocess.run(["bash", script], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "no run.sh here: call this in a recipe's folder" in done.stderr


@pytest.mark.parametrize("folder", [".", "egs/mini"])
def test_help_from_any_folder(folder):
    script = os.path.relpath(ROOT / "egs/TEMPLATE/study.sh", ROOT / folder)
    done = subprocess.run(
        ["bash", script, "--help"], cwd=ROOT / folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "--report_only" in done.stdout


def test_ctrl_c_ends_the_study_and_not_only_a_run(study):
    """As a terminal sends it: to the whole process group, while the first run trains."""
    calls = study.recipe.path / "calls"
    calls.write_text("")
    slow = f'{PLAN}; [[ $(tail -n 1 "$CALLS") != *fad.bin.train* ]] || sleep 20'
    env = {**study.recipe.env, "EDIT": slow, "RUNS": str(study.recipe.path / "runs")}
    (study.recipe.path / "runs").write_text("".join(f"{line}\n" for line in RUNS))
    process = subprocess.Popen(
        # What runs in the background of a shell ignores SIGINT, and so would all that it starts.
        ["env", "--default-signal=INT", "../TEMPLATE/study.sh"],
        cwd=study.recipe.path,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    deadline = time.monotonic() + 50
    while "fad.bin.train" not in calls.read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=15)[1]
    assert process.returncode == 130
    assert "interrupted: the same command goes on" in said
    assert study.trained() == ["exp/study_frozen"]
    assert study.recipe.called()[-1] == "train"
