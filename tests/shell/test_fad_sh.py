"""The stage script alone: what it runs, in which order, with which words, and what it refuses.

Python is replaced by a recorder, so that these tests are about the shell and take no time; the
stages run for real in tests/integration.
"""

import shutil
import subprocess

import pytest

HOSTILE = [
    "$(touch canary)",
    "`touch canary`",
    "; touch canary;",
    "a b  * ?",
    "x' \"y",
    "&touch canary",
]
ALL = [
    "local/data",
    "validate_data_dir",
    "dump_audio",
    "dump_frames",
    "train",
    "score_set",
    "calibrate",
]
ALL += ["results"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", ALL),
        ("--stop_stage 1", ALL[:2]),
        ("--stage 2 --stop_stage 2", ALL[2:4]),
        ("--stage 2 --stop_stage 2 --dump none", ALL[2:3]),
        ("--stage 3", ALL[4:]),
        ("--stage 3 --stop_stage 4", ALL[4:7]),
        ("--stage 3 --stop_stage 4 --calibrate false", ALL[4:6]),
        ("--stage 2 --skip_train true", [*ALL[2:4], *ALL[5:]]),
        ("--stage 5", ALL[7:]),
    ],
)
def test_the_stages_asked_for_run_in_order(recipe, options, expected):
    recipe.add_all()
    done = recipe.run(*options.split())
    assert done.returncode == 0, done.stderr
    assert recipe.called() == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("--stage 6", "--stage 6"),
        ("--stage 0", "--stage 0"),
        ("--stage 1.5", "--stage 1.5"),
        ("--stage 08", "--stage 08"),
        ("--stop_stage 2.5", "--stop_stage 2.5"),
        ("--stage 4 --stop_stage 3", "--stop_stage 3 comes before --stage 4"),
        ("--nj 0", "--nj 0"),
        ("--nj 1.5", "--nj 1.5"),
        ("--nj -2", "--nj -2"),
        ("--ngpu 1.5", "--ngpu 1.5"),
        ("--nproc 0", "--nproc 0"),
        ("--num_nodes 0", "--num_nodes 0"),
        ("--nproc 2 --ngpu 2", "--nproc 2: on GPUs there is one process each"),
        ("--skip_train yes", "--skip_train takes true or false"),
        ("--conifg lora", "did you mean --config?"),
        ("lora", "unexpected argument 'lora'"),
        ("--tag", "--tag needs a value"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_runs(recipe, options, expected):
    recipe.add_all()
    done = recipe.run(*options.split())
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "error: " in line
    assert expected in line
    assert recipe.calls() == []


def test_the_help_names_every_option_of_the_script(recipe):
    done = recipe.run("--help")
    assert done.returncode == 0
    text = (recipe.path.parent / "TEMPLATE/fad.sh").read_text()
    block = text.partition("# Options\n")[2].partition("# End of options")[0]
    names = [line.partition("=")[0] for line in block.splitlines() if line[:1].isalpha()]
    assert len(names) > 15
    shown = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  --")]
    assert shown == [f"--{name}" for name in names]
    assert "1 data, 2 dump, 3 train, 4 score, 5 results" in done.stdout
    assert recipe.calls() == []


@pytest.mark.parametrize(
    ("missing", "options", "expected"),
    [
        ("data/dev", "--stage 2", "data/dev/wav.scp is missing: run stage 1 first"),
        ("data", "--stage 2", "data/train/wav.scp is missing: run stage 1 first"),
        ("xlsr.pt", "--stage 2", "--pretrained xlsr.pt: no such file"),
        ("dump", "--stage 3", "dump/audio/train/wav.scp is missing: run stage 2 first"),
        ("dump/audio/dev", "--stage 3", "dump/audio/dev/wav.scp is missing: run stage 2 first"),
        ("xlsr.pt", "--stage 3", "--pretrained xlsr.pt: no such file"),
        ("exp", "--stage 4", "exp/lora/best.safetensors is missing: run stage 3 first"),
        ("dump/audio/eval", "--stage 4", "dump/audio/eval/wav.scp is missing: run stage 2 first"),
        ("dump/audio/dev", "--stage 4", "dump/audio/dev/wav.scp is missing: run stage 2 first"),
        ("exp/lora/scores", "--stage 5", "exp/lora/scores/eval is missing: run stage 4 first"),
    ],
)
def test_a_missing_input_is_named_with_the_stage_that_makes_it(recipe, missing, options, expected):
    recipe.add_all()
    gone = recipe.path / missing
    shutil.rmtree(gone) if gone.is_dir() else gone.unlink()
    done = recipe.run(*options.split(), "--stop_stage", options.split()[1])
    assert done.returncode == 1
    assert expected in done.stderr.splitlines()[-1]
    assert sum("error" in line for line in done.stderr.splitlines()) == 1
    assert {"train", "score_set", "calibrate", "results"}.isdisjoint(recipe.called())


def test_a_missing_set_of_another_recipe_names_that_recipe(recipe):
    recipe.add_all()
    done = recipe.run("--stage", "4", "--test_sets", "other/eval")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(
        "../other/dump/audio/eval/wav.scp is missing: run stage 2 of egs/other first"
    )


@pytest.mark.parametrize(
    "failing", [name for name in ALL if name not in ("local/data", "validate_data_dir")]
)
def test_a_failure_ends_the_run(recipe, failing):
    recipe.add_all()
    done = recipe.run(FAILING=f"fad.bin.{failing}")
    assert done.returncode != 0
    assert recipe.called() == ALL[: ALL.index(failing) + 1]
    assert "done: " not in done.stderr


def test_the_bad_clips_of_all_sets_are_listed_before_the_run_ends(recipe):
    recipe.add_all()
    failing = {"FAILING": "fad.bin.dump_audio", "FAILING_WITH": "--combine"}
    done = recipe.run("--stage", "2", **failing)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("stage 2: no dump of train dev eval: see above")
    joined = [call[2] for call in recipe.calls() if "--combine" in call]
    assert joined == ["data/train", "data/dev", "data/eval"]
    assert recipe.called() == ["dump_audio"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], "lora"),
        (["--config", "lora_r16"], "lora_r16"),
        (["--config", "my/own.yaml"], "own"),
        (["--config", "my/own.yml"], "own"),
        (["--config", "lora+aasist"], "lora+aasist"),
        (["--config", "my/own.yaml+aasist+../b.yml", "--set", "a=1"], "own+aasist+b_a=1"),
        (["--set", "train.lr=1e-4"], "lora_train.lr=1e-4"),
        (["--set", "a.b=1", "--set", "c=[2, 3]"], "lora_a.b=1_c=-2--3-"),
        (["--set", "a=1", "--tag", "mine"], "mine"),
    ],
)
def test_an_experiment_is_named_by_config_and_overrides(recipe, options, expected):
    recipe.add_all()
    done = recipe.run("--stage", "3", "--stop_stage", "3", *options)
    assert done.returncode == 0, done.stderr
    train = recipe.call("train")
    assert train[train.index("--exp") + 1] == f"exp/{expected}"
    assert (recipe.path / "exp" / expected / "train.log").is_file()


def test_every_job_is_told_of_the_plugins_by_their_whole_paths(recipe):
    recipe.add_all()
    recipe.add("own.py", "a b.py")
    told = {"EDIT": 'printf "%s\\n" "$FAD_PLUGINS" >>plugins'}
    done = recipe.run("--plugin", "own.py", "--plugin", str(recipe.path / "a b.py"), **told)
    assert done.returncode == 0, done.stderr
    expected = f"{recipe.path}/own.py:{recipe.path}/a b.py"
    assert set((recipe.path / "plugins").read_text().splitlines()) == {expected}
    recipe.run("--plugin", "own.py", FAD_PLUGINS="/old.py", **told)
    assert (recipe.path / "plugins").read_text().endswith(f"{recipe.path}/own.py:/old.py\n")
    (recipe.path / "plugins").unlink()
    recipe.run(**told)
    assert set((recipe.path / "plugins").read_text().splitlines()) == {""}


def test_a_plugin_that_cannot_be_found_is_named_before_anything_runs(recipe):
    recipe.add_all()
    recipe.add("a:b.py")
    for name, says in (("none.py", "no such file"), ("a:b.py", "a path with a colon")):
        done = recipe.run("--plugin", name)
        assert done.returncode == 1
        assert f"error: --plugin {name}: {says}" in done.stderr
        assert recipe.calls() == []


@pytest.mark.parametrize("tag", [*HOSTILE, "../up", "a/b", ".hidden", "-x", "a\nb"])
def test_a_tag_that_is_no_plain_name_is_refused(recipe, tag):
    recipe.add_all()
    done = recipe.run("--stage", "3", f"--tag={tag}")
    assert done.returncode == 1
    assert "use letters, digits and . _ = + - only" in done.stderr
    assert recipe.calls() == []
    assert list(recipe.path.rglob("canary")) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_values_arrive_as_they_were_written_and_run_nothing(recipe, value):
    recipe.add_all()
    recipe.add(value.replace("/", "") + ".pt")
    done = recipe.run(
        *("--set", f"train.lr={value}", "--set", f"{value}=1", "--corpus_dir", value),
        *("--data_opts", value, "--data_opts=--allow_missing=true"),
        *("--pretrained", f"{value}.pt"),
    )
    # The tag is cleaned, so there is no such model yet; what comes before has run.
    assert "best.safetensors is missing" in done.stderr
    data, train = recipe.calls()[0], recipe.call("train")
    assert data[1:] == ["--nj", "1", "--corpus_dir", value, value, "--allow_missing=true"]
    assert train[-4:] == ["--set", f"train.lr={value}", "--set", f"{value}=1"]
    assert train[train.index("--pretrained") + 1] == f"{value}.pt"
    frames = next(call for call in recipe.calls() if call[0] == "fad.bin.dump_frames")
    assert frames[-8:-4] == ["--set", f"train.lr={value}", "--set", f"{value}=1"]
    assert list(recipe.path.parents[2].rglob("canary")) == []


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_names_of_sets_run_nothing(recipe, value):
    recipe.add_all()
    for options in (["--test_sets", value], ["--train_set", value], ["--corpus", value]):
        recipe.run("--stage", "2", *options)
        assert list(recipe.path.parents[2].rglob("canary")) == []


def test_a_set_named_twice_is_dumped_once_and_those_of_other_recipes_not_at_all(recipe):
    recipe.add_all()
    recipe.add("../other/dump/audio/eval/wav.scp", "exp/lora/scores/dev")
    recipe.add("exp/lora/scores/other/eval", "../other/dump/audio/eval/asv_scores")
    done = recipe.run("--test_sets", "eval  dev other/eval")
    assert done.returncode == 0, done.stderr
    dumped = [call[2] for call in recipe.calls() if call[0] == "fad.bin.dump_audio"]
    assert dumped == [f"data/{name}" for name in ("train", "dev", "eval")] * 2  # jobs, then joining
    scored = [call[call.index("--audio") + 1] for call in recipe.calls() if "score_set" in call[0]]
    other = "../other/dump/audio/eval"
    # The last, for the calibration, only if it is needed.
    expected = ["dump/audio/eval", "dump/audio/dev", other, "dump/audio/dev"]
    assert scored[::2] == scored[1::2] == expected
    assert recipe.call("results")[-8:] == [
        *("--test", "eval=dump/audio/eval", "--test", "dev=dump/audio/dev"),
        *("--test", f"other/eval={other}", "--asv_scores", f"other/eval={other}/asv_scores"),
    ]


@pytest.mark.parametrize(("nj", "utts", "jobs"), [(3, 2, 2), (2, 5, 2), (1, 5, 1)])
def test_there_are_never_more_jobs_than_utterances(recipe, nj, utts, jobs):
    recipe.add_all()
    recipe.add("dump/audio/eval/wav.scp", lines=utts)
    done = recipe.run("--stage", "4", "--stop_stage", "4", "--nj", str(nj), "--calibrate", "false")
    assert done.returncode == 0, done.stderr
    *parts, last = (call for call in recipe.calls() if call[0] == "fad.bin.score_set")
    assert sorted(call[-1] for call in parts) == [str(job + 1) for job in range(jobs)]
    assert all(call[call.index("--nj") + 1] == str(jobs) for call in (*parts, last))
    assert last[-2:] == ["--combine", "true"]


def test_training_again_keeps_the_earlier_logs(recipe):
    recipe.add_all()
    for number in range(3):
        done = recipe.run(
            "--stage", "3", "--stop_stage", "3", "--dev_set", ["dev", "eval"][number % 2]
        )
        assert done.returncode == 0, done.stderr
    logs = [recipe.path / f"exp/lora/{name}.log" for name in ("train", "train.1", "train.2")]
    assert ["--dev_set eval" in log.read_text() for log in logs] == [False, False, True]


def test_a_recipe_with_a_test_set_alone_can_be_dumped(recipe):
    recipe.add("data/eval/wav.scp")
    done = recipe.run("--train_set", "", "--dev_set", "", "--stop_stage", "2")
    assert done.returncode == 0, done.stderr
    assert recipe.called() == ["local/data", "validate_data_dir", "dump_audio"]
    done = recipe.run("--train_set", "", "--dev_set", "", "--stage", "3")
    assert done.returncode == 1
    assert "has no --train_set" in done.stderr


def test_the_stage_script_wants_a_recipe(recipe):
    done = subprocess.run(
        ["../TEMPLATE/fad.sh"], cwd=recipe.path, env=recipe.env, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "call this through a recipe's run.sh" in done.stderr


def test_it_runs_from_any_folder(recipe):
    recipe.add_all()
    (recipe.path / "calls").write_text("")
    done = subprocess.run(
        [recipe.path / "run.sh", "--stage", "5"], cwd="/", env=recipe.env, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert recipe.called() == ["results"]


@pytest.mark.parametrize(
    ("options", "launcher"),
    [
        ((), []),
        (("--ngpu", "1"), []),
        (("--nproc", "2"), ["launch", "--num_nodes", "1", "--nproc_per_node", "2", "-m"]),
        (("--ngpu", "3"), ["launch", "--num_nodes", "1", "--nproc_per_node", "3", "-m"]),
    ],
)
def test_several_processes_are_started_by_the_launcher(recipe, options, launcher):
    recipe.add_all()  # the GPUs are only named: the recorder uses none
    done = recipe.run("--stage", "3", "--stop_stage", "3", *options, CUDA_VISIBLE_DEVICES="0,1,2")
    assert done.returncode == 0, done.stderr
    (call,) = recipe.calls()
    assert call[: len(launcher)] == launcher
    assert call[len(launcher)] == "fad.bin.train"
