"""utils/slurm/conf.py and the command line of run_slurm.py."""

from pathlib import Path

import pytest
from slurm.conf import read_conf
from slurm.request import CONF, read_request, split_options


def conf_of(folder: Path, text: str):
    path = folder / "slurm.conf"
    path.write_text(text)
    return read_conf(path)


KALDI = """
command sbatch --export=PATH  -p "a partition"   # a comment
option mem=* --mem=$0
option gpu=0                # nothing
option gpu=* -p shared --gres=gpu:$0
option max_jobs_run=*
default gpu=0
"""


def test_kaldi_s_form_is_read(tmp_path):
    conf = conf_of(tmp_path, KALDI)
    start = ["sbatch", "--export=PATH", "-p", "a partition"]
    assert conf.words(conf.defaults) == start
    assert conf.words({"gpu": "2", "mem": "16G"}) == [
        *start,
        *("--mem=16G", "-p", "shared", "--gres=gpu:2"),
    ]


@pytest.mark.parametrize("value", ["$(touch pwned)", "a b", "*", "`id`", "$HOME", "$0"])
def test_a_value_is_one_word_and_no_shell_reads_it(tmp_path, value):
    assert conf_of(tmp_path, KALDI).words({"mem": value})[-1] == f"--mem={value}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("command sbatch\noptoin mem=* --mem=$0\n", ":2: 'optoin': a line starts with"),
        ("command sbatch\noption mem --mem=$0\n", ":2: 'option mem': write option NAME=VALUE"),
        ("command sbatch\noption =* --mem=$0\n", ":2: 'option =*': write option NAME=VALUE"),
        ("command 'sbatch\n", ":1: No closing quotation"),
        ("command\n", ":1: nothing behind 'command'"),
        ("option mem=* --mem=$0\n", ": no line 'command sbatch'"),
        ("command sbatch\ndefault gpu=0\n", "default gpu=0: there is no line 'option gpu=*'"),
        ("command sbatch\noption a=*\ndefault a=1 2\n", ":3: default a=1: '2' is too much"),
    ],
)
def test_what_is_not_understood_is_named_with_its_line(tmp_path, text, says):
    with pytest.raises(ValueError, match=r"slurm\.conf") as caught:
        conf_of(tmp_path, text)
    assert says in str(caught.value)


def test_a_value_without_a_line_is_refused(tmp_path):
    conf = conf_of(tmp_path, "command sbatch\noption qos=long --qos=long\noption qos=short\n")
    with pytest.raises(ValueError, match=r"--qos lnog: .* knows long, short"):
        conf.words({"qos": "lnog"})


def test_the_shipped_one_serves_all_options_of_run_local():
    conf = read_conf(CONF)
    values = {**conf.defaults, "num_nodes": "2", "gpu": "4", "mem": "16G", "time": "1-0"}
    assert conf.words({**values, "num_threads": "8"}) == [
        "sbatch",
        *("--mem=16G", "--time=1-0", "--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=8"),
        *("--gres=gpu:4", "--signal=B:USR1@90"),
    ]
    assert conf.words({**conf.defaults, "gpu": "0", "stop_before": "0"}) == [
        "sbatch",
        *("--nodes=1", "--ntasks-per-node=1"),
    ]


def test_the_last_of_an_option_counts_and_the_command_keeps_its_own():
    given, rest = split_options(
        ["--gpu", "1", "--mem=2G", "--gpu", "4", "x.log", "run", "--gpu", "9"]
    )
    assert given == {"gpu": "4", "mem": "2G"}
    assert rest == ["x.log", "run", "--gpu", "9"]


@pytest.mark.parametrize("gpus", ["1", "4"])
def test_each_gpu_brings_its_threads_and_its_memory(monkeypatch, gpus):
    """Four trainings on the CPUs of one would starve."""
    monkeypatch.delenv("FAD_SLURM_CONF", raising=False)
    shares = ("--threads_per_gpu", "8", "--mem_per_gpu", "32G")
    found = read_request([*shares, "--gpu", gpus, "x.log", "true"])
    threads, memory = str(8 * int(gpus)), f"{32 * int(gpus)}G"
    assert {f"--cpus-per-task={threads}", f"--mem={memory}", f"--gres=gpu:{gpus}"} <= set(
        found.sbatch
    )
    assert found.spec.env == {"OMP_NUM_THREADS": threads}
    assert not any("per_gpu" in word for word in found.sbatch)


def test_without_a_gpu_the_nodes_own_threads_and_memory_count(monkeypatch):
    monkeypatch.delenv("FAD_SLURM_CONF", raising=False)
    words = ("--num_threads", "2", "--mem", "3G", "--threads_per_gpu", "8", "--mem_per_gpu", "32G")
    found = read_request([*words, "--gpu", "0", "x.log", "true"])
    assert {"--cpus-per-task=2", "--mem=3G"} <= set(found.sbatch)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (
            ["--gpu", "2", "--mem_per_gpu", "much", "x.log", "true"],
            "--mem_per_gpu much: give a size such as 32G",
        ),
        (["--threads_per_gpu", "0", "x.log", "true"], "--threads_per_gpu 0: give a whole number"),
        (
            ["--num_node", "2", "x.log", "true"],
            "unknown option --num_node; did you mean --num_nodes?",
        ),
        (["--max_job_run", "2", "x.log", "true"], "did you mean --max_jobs_run?"),
        (["--zzz", "2", "x.log", "true"], "unknown option --zzz; "),
        (["--gpu"], "--gpu: the value is missing"),
        (["--gpu", "one", "x.log", "true"], "--gpu one: give a whole number from 0 up"),
        (["--num_nodes", "0", "x.log", "true"], "--num_nodes 0: give a whole number from 1 up"),
        (["--max_jobs_run", "0", "x.log", "true"], "--max_jobs_run 0: give"),
        (
            ["--config", "no.conf", "x.log", "true"],
            "no.conf: No such file or directory: give",
        ),
        (["JOB=1:2", "x.log", "true"], "put JOB in its name"),
        (["a\\b.log", "true"], "no backslash or newline in its name"),
        (["x.log"], "a log file and a command are needed"),
    ],
)
def test_mistakes_are_named(args, says, monkeypatch):
    monkeypatch.delenv("FAD_SLURM_CONF", raising=False)
    with pytest.raises(ValueError, match=r".") as caught:
        read_request(args)
    assert says in str(caught.value)


def test_the_environment_chooses_a_configuration_and_an_option_overrides_it(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).write_text(f"command {name}\n")
    monkeypatch.setenv("FAD_SLURM_CONF", str(tmp_path / "a"))
    assert read_request(["x.log", "true"]).sbatch == ["a"]
    assert read_request(["--config", str(tmp_path / "b"), "x.log", "true"]).sbatch == ["b"]
