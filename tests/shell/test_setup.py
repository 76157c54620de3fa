"""tools/setup.sh, with a Python that writes down what it is asked: steps, stamp, complaints.

The real installation takes minutes and the network; `make test` has done it before it comes here.
"""

import fcntl
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# Plays python: `-m venv` makes a folder with this same program in it; pip and other programs are
# written down in $CALLS, and fail where $FAIL is a part of them; code given by -c is really run.
FAKE_PYTHON = f"""#!/bin/bash
case "$1 $2" in
    "-c "*) [[ $2 == *" torch"* || $2 == *fairseq* ]] || exec {sys.executable} "$@"
            [[ $2 != *version.cuda* ]] ;;
    "--version "*) echo "Python 3.11.0" ;;
    "-m venv") mkdir -p "$3/bin" && cp "$0" "$3/bin/python" && echo "venv" >>"$CALLS" ;;
    "-m pip") [[ -z ${{PIP_TARGET:-}}${{PIP_PREFIX:-}}${{PYTHONUSERBASE:-}} ]] || exit 1
              [[ ${{PIP_USER:-0}} == 0 ]] || exit 1
              [[ $3 == --version || $3 == show ]] && exit 0
              [[ $3 == config ]] && {{ echo "${{PIP_CONF:-}}"; exit 0; }}
              echo "pip ${{*:3}}" >>"$CALLS"
              [[ -z ${{FAIL:-}} || "$*" != *"$FAIL"* ]] || {{ echo "no luck: $FAIL"; exit 1; }} ;;
    *) echo "run ${{1##*/}} ${{*:2}}" >>"$CALLS" ;;
esac
"""
TOOLS = ("bash", "basename", "cat", "cut", "dirname", "env", "grep", "mkdir", "cp", "paste", "rm",
         "sed", "sha256sum", "tail", "flock", "g++", "make")  # fmt: skip


class Machine:
    """A machine with a few programs on its PATH, and a copy of what setup.sh reads."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "repo"
        self.bin = folder / "bin"
        self.calls_file = folder / "calls"
        self.bin.mkdir()
        for name in TOOLS:
            (self.bin / name).symlink_to(shutil.which(name) or "/bin/true")
        self.add_program("python3", FAKE_PYTHON)
        for name in ("tools/setup.sh", "tools/constraints.txt", "setup.py", "utils/path.sh",
                     "utils/log.sh", "utils/parse_options.sh"):  # fmt: skip
            (self.root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, self.root / name)
        shutil.copytree(ROOT / "tools/installers", self.root / "tools/installers")

    def add_program(self, name: str, text: str) -> None:
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    def setup(
        self, *args: str, timeout: float = 60, **env: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.root / "tools/setup.sh", *args],
            env={"PATH": str(self.bin), "CALLS": str(self.calls_file), **env},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    def calls(self) -> list[str]:
        """What python was asked since the last time."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        self.calls_file.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def packages(calls: list[str]) -> list[str]:
    """The last word of each pip call."""
    return [call.split()[-1] for call in calls if call.startswith("pip install")]


def test_the_order_of_the_steps_without_a_gpu(machine):
    done = machine.setup()
    assert done.returncode == 0, done.stderr
    calls = machine.calls()
    version = next(
        line.removeprefix("torch==")
        for line in (ROOT / "tools/constraints.txt").read_text().splitlines()
        if line.startswith("torch==")
    )
    assert calls[0] == "venv"
    assert packages(calls) == [
        "pip",
        f"torch=={version}+cpu",
        "wheel",
        "fairseq-fixed",
        "torchaudio",
        f"{machine.root}[dev,demo]",
    ]
    fairseq = next(
        call for call in calls if call.endswith("fairseq-fixed") and "uninst" not in call
    )
    assert "--no-build-isolation" in fairseq
    assert "-c " + str(machine.root / "tools/constraints.txt") in fairseq
    assert calls[-1] == "run check_install.py --extras dev,demo"


def test_a_second_call_does_nothing_until_something_changes(machine):
    assert machine.setup().returncode == 0
    machine.calls()
    assert machine.setup().returncode == 0
    assert machine.calls() == []
    for name in ("tools/constraints.txt", "tools/installers/torch.sh", "setup.py"):
        with open(machine.root / name, "a") as file:
            file.write("\n# changed\n")
        assert machine.setup().returncode == 0
        assert len(packages(machine.calls())) == 6, name
        assert machine.setup().returncode == 0
        assert machine.calls() == [], name


def test_each_set_of_extras_is_installed_once(machine):
    for extras in ("dev,demo", "dev,demo,asr"):
        assert machine.setup("--extras", extras).returncode == 0
        assert f"{machine.root}[{extras}]" in packages(machine.calls())
    assert machine.setup().returncode == 0
    assert machine.setup("--extras", "dev,demo,asr").returncode == 0
    assert machine.calls() == []


def test_without_a_cpu_build_the_plain_one_is_taken(machine):
    assert machine.setup(FAIL="+cpu").returncode == 0
    first, second = (name for name in packages(machine.calls()) if name.startswith("torch=="))
    assert first == second + "+cpu"


def test_with_a_gpu_the_plain_build_replaces_a_cpu_build(machine):
    assert machine.setup().returncode == 0
    machine.calls()
    machine.add_program("nvidia-smi", "#!/bin/bash\necho 'GPU 0: some'\n")
    assert machine.setup().returncode == 0
    calls = machine.calls()
    assert not any("+cpu" in call for call in calls)
    torch = next(k for k, call in enumerate(calls) if call.startswith("pip install torch=="))
    assert calls[torch - 1] == "pip uninstall --yes torch"


def test_another_index_is_for_torch_alone(machine):
    for args, env in ((["--torch_index", "https://x"], {}), ([], {"TORCH_INDEX": "https://y"})):
        assert machine.setup(*args, **env).returncode == 0
        calls = [call for call in machine.calls() if "--index-url" in call]
        assert len(calls) == 1
        assert "torch==" in calls[0]


@pytest.mark.parametrize("step", ["fairseq-fixed", "torchaudio", "[dev,demo]"])
def test_a_step_that_fails_is_shown_and_leaves_no_stamp(machine, step):
    done = machine.setup(FAIL=step)
    assert done.returncode == 1
    assert f"no luck: {step}" in done.stderr
    assert "tools/venv/setup.log" in done.stderr
    assert not any(call.startswith("run check_install") for call in machine.calls())
    assert machine.setup().returncode == 0
    assert packages(machine.calls())[-1] == f"{machine.root}[dev,demo]"


def test_a_failed_change_takes_the_stamp_back(machine):
    assert machine.setup().returncode == 0
    before = (machine.root / "setup.py").read_text()
    (machine.root / "setup.py").write_text(before + "# changed\n")
    assert machine.setup(FAIL="torchaudio").returncode == 1
    (machine.root / "setup.py").write_text(before)
    machine.calls()
    assert machine.setup().returncode == 0
    assert packages(machine.calls()), "half an installation was taken for a whole one"


def test_all_that_is_missing_is_named_in_one_line(machine):
    for name in ("g++", "make", "python3"):
        (machine.bin / name).unlink()
    done = machine.setup()
    assert done.returncode == 1
    assert "sudo apt-get install -y g++ make python3 python3-dev python3-venv\n" in done.stderr
    assert not (machine.root / "tools/venv").exists()


@pytest.mark.parametrize(
    ("broken", "package"), [("Python.h", "python3.11-dev"), ("ensurepip", "python3.11-venv")]
)
def test_a_python_without_headers_or_venv_is_found_out(machine, broken, package):
    refuse = f'#!/bin/bash\n[[ "$*" == *{broken}* ]] && exit 1\n'
    machine.add_program("python3.11", refuse + FAKE_PYTHON)
    done = machine.setup(PYTHON="python3.11")
    assert done.returncode == 1
    assert f"sudo apt-get install -y {package}\n" in done.stderr


def test_an_old_python_is_refused(machine):
    old = '#!/bin/bash\n[[ "$1" == --version ]] && echo "Python 3.9.2" && exit\nexit 1\n'
    machine.add_program("python3", old)
    done = machine.setup()
    assert done.returncode == 1
    assert "Python 3.9.2, 3.11 or newer is needed" in done.stderr
    assert "python3.11 python3.11-dev python3.11-venv" in done.stderr


def test_venv_and_python_can_be_chosen(machine, tmp_path):
    (machine.bin / "python3").rename(machine.bin / "other")
    assert machine.setup(VENV=str(tmp_path / "a b"), PYTHON="other").returncode == 0
    assert (tmp_path / "a b" / "setup.stamp").exists()
    assert not (machine.root / "tools/venv").exists()


def test_the_environment_that_runs_this_is_described_by_the_constraints():
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "freeze", "--all"], capture_output=True, text=True, check=True
    )
    pinned = dict(
        line.lower().replace("_", "-").split("==")
        for line in (ROOT / "tools/constraints.txt").read_text().splitlines()
        if "==" in line and not line.startswith("#")
    )
    installed = dict(
        line.lower().replace("_", "-").split("==")
        for line in listed.stdout.splitlines()
        if "==" in line
    )
    shared = pinned.keys() & installed.keys()
    assert "torch" in shared
    assert {n: installed[n].split("+")[0] for n in shared} == {n: pinned[n] for n in shared}


def test_settings_of_pip_that_lead_elsewhere_are_not_used(machine, tmp_path):
    done = machine.setup(
        PIP_USER="1", PIP_TARGET=str(tmp_path), PIP_PREFIX="/x", PYTHONUSERBASE="/y"
    )
    assert done.returncode == 0, done.stderr
    assert len(packages(machine.calls())) == 6


def test_a_pip_conf_that_leads_elsewhere_is_named_with_its_remedy(machine):
    done = machine.setup(
        PIP_CONF="global.index-url='https://x'\nglobal.target='/t'\ninstall.root='/'"
    )
    assert done.returncode == 1
    assert "elsewhere" in done.stderr and "global.target install.root; call" in done.stderr
    assert "pip config unset NAME" in done.stderr
    assert packages(machine.calls()) == []
    assert machine.setup(PIP_CONF="global.index-url='https://x'").returncode == 0


def test_an_environment_of_another_clone_is_named(machine, tmp_path):
    other = tmp_path / "other"
    (other / "fad").mkdir(parents=True)
    assert "was set up for" not in machine.setup().stderr
    (machine.root / "tools/venv/setup.root").write_text(f"{other}\n")
    (machine.root / "tools/venv/setup.stamp").unlink()
    assert f"was set up for {other}; now" in machine.setup().stderr


def test_two_set_ups_wait_for_each_other(machine):
    venv = machine.root / "tools/venv"
    with open(f"{venv}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(subprocess.TimeoutExpired):
            machine.setup(timeout=2)
        assert machine.calls() == []
    assert machine.setup().returncode == 0


def test_sh_is_told_that_bash_is_needed(machine):
    done = subprocess.run(
        ["sh", machine.root / "tools/setup.sh"], capture_output=True, text=True, timeout=10
    )
    assert done.returncode == 1
    assert "needs bash, not sh" in done.stderr
