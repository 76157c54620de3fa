"""Plugins: a user's file is run once, its names can be configured, and its mistakes are told."""

import subprocess
import sys
from pathlib import Path

import pytest

from fad.bin import show_config
from fad.config import plugins, registry
from fad.config.plugins import load_environment, load_plugin, plugins_of
from fad.config.resolve import load_config
from fad.utils.errors import FadError
from fad.utils.files import sha256_file

PLUGIN = """\
from fad.config.registry import register

@register("{slot}", "{name}")
class Mine:
    def __init__(self, dim, num_layers, size: int = 3) -> None:
        pass
"""

pytestmark = pytest.mark.usefixtures("fresh_registry")


def write(folder: Path, text: str = "", name: str = "mine.py", **of) -> Path:
    path = folder / name
    path.write_text(text or PLUGIN.format(**{"slot": "backend", "name": "mine"} | of))
    return path


def refused(path: Path) -> str:
    with pytest.raises(FadError) as caught:
        load_plugin(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith(f"--plugin {path}: ")
    return str(caught.value)


def test_a_config_names_what_a_plugin_has_and_its_keys_are_checked(tmp_path):
    with pytest.raises(FadError, match="backend: 'mine' is unknown"):
        load_config("lora", ["backend=mine"])
    load_plugin(write(tmp_path))
    assert load_config("lora", ["backend=mine", "backend_conf.size=4"])["backend"] == "mine"
    with pytest.raises(FadError, match="'mine' has no key 'sizes'; did you mean 'size'"):
        load_config("lora", ["backend=mine", "backend_conf.sizes=4"])


def test_a_plugin_is_run_once_whichever_way_it_is_named(tmp_path, monkeypatch):
    counting = f"open({str(tmp_path / 'runs')!r}, 'a').write('x')\n"
    path = write(tmp_path, counting + PLUGIN.format(slot="loss", name="mine"))
    load_plugin(path)
    monkeypatch.chdir(tmp_path)
    load_plugin("mine.py")
    monkeypatch.setenv("FAD_PLUGINS", f"{path}:")
    load_environment()
    assert (tmp_path / "runs").read_text() == "x"
    assert not list(tmp_path.glob("__pycache__"))


def test_the_environment_names_several(tmp_path, monkeypatch):
    paths = [write(tmp_path, name="a.py"), write(tmp_path, PLUGIN.format(slot="loss", name="b"))]
    monkeypatch.setenv("FAD_PLUGINS", ":".join(map(str, paths)))
    load_config("lora")
    assert "mine" in registry.SLOTS["backend"]
    assert "b" in registry.SLOTS["loss"]


def test_only_the_plugins_that_a_config_names_are_recorded_with_their_hash(tmp_path):
    path = write(tmp_path)
    load_plugin(path)
    load_plugin(write(tmp_path, PLUGIN.format(slot="loss", name="other"), name="other.py"))
    assert plugins_of(load_config("lora")) == {}
    found = plugins_of(load_config("lora", ["backend=mine"]))
    assert found == {"mine.py": sha256_file(path)}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = (\n", "SyntaxError: '(' was never closed (mine.py, line 1)"),
        ("\n\nnothing\n", "line 3: NameError: name 'nothing' is not defined"),
        ("import nowhere_at_all\n", "line 1: ModuleNotFoundError: No module named 'nowhere_"),
        ("import sys\nsys.exit('done\\nwith it')\n", "line 2: SystemExit: done with it"),
        ("\0", "null bytes"),
        (PLUGIN.format(slot="backned", name="x"), "'backned' is no slot; did you mean 'backend'?"),
        (
            PLUGIN.format(slot="backend", name="pool"),
            "backend: 'pool' is the name of fad.backends.pool:Pool already: give "
            "fad_plugin_mine:Mine another",
        ),
    ],
)
def test_a_plugin_that_fails_is_one_line_and_leaves_nothing(tmp_path, text, says):
    before = {slot: dict(table) for slot, table in registry.SLOTS.items()}
    path = write(tmp_path, PLUGIN.format(slot="loss", name="early") + text)
    if "line" in says:  # behind the 6 lines of a class that registers well
        number = int(says.split("line ")[1].split(":")[0].rstrip(")"))
        says = says.replace(f"line {number}", f"line {number + 6}")
    assert says in refused(path)
    assert before == registry.SLOTS
    assert plugins._loaded == {}


def test_two_plugins_cannot_have_one_name_nor_one_file_name(tmp_path):
    (tmp_path / "other").mkdir()
    first = write(tmp_path)
    load_plugin(first)
    second = write(tmp_path / "other", PLUGIN.format(slot="loss", name="x"))
    assert refused(second).endswith(f"{first} has the same name: rename one of them")
    third = write(tmp_path, name="third.py")
    assert "'mine' is the name of fad_plugin_mine:Mine already" in refused(third)


def test_a_file_that_is_not_there_is_named(tmp_path):
    assert "none.py: cannot be read: No such file" in refused(tmp_path / "none.py")
    assert "cannot be read: Is a directory" in refused(tmp_path)


def test_a_config_never_brings_a_plugin(tmp_path):
    canary = write(tmp_path, f"open({str(tmp_path / 'CANARY')!r}, 'w')")
    config = tmp_path / "mine.yaml"
    config.write_text(f"plugins: {{{canary}: {sha256_file(canary)}}}\n")
    with pytest.raises(FadError, match="unknown key 'plugins'"):
        load_config(str(config))
    assert not (tmp_path / "CANARY").exists()


def test_programs_take_the_option_and_print_one_line(tmp_path, capsys):
    path = write(tmp_path)
    show_config.main(["--config", "lora", "--set", "backend=mine", "--plugin", str(path)])
    assert "backend: mine" in capsys.readouterr().out
    path.write_text("1 / 0\n")
    command = [sys.executable, "-m", "fad.bin.show_config", "--config", "lora"]
    done = subprocess.run([*command, "--plugin", path], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"show_config.py: error: --plugin {path}: line 1: ZeroDivisionError: division by zero: "
        "correct it"
    ]
