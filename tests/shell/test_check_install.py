"""tools/check_install.py: what works, what does not, what to do."""

import importlib.util
import sys
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "tools" / "check_install.py"


@pytest.fixture
def check_install(monkeypatch):
    spec = importlib.util.spec_from_file_location("check_install", PATH)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "check_install", module)
    spec.loader.exec_module(module)
    return module


def set_checks(monkeypatch, module, *checks):
    monkeypatch.setattr(module, "CHECKS", [module.Check(*check) for check in checks])


def test_one_failure_or_crash_hides_no_other(check_install, monkeypatch, capfd):
    set_checks(
        monkeypatch,
        check_install,
        ("noisy", "required", "import sys; print('noise', file=sys.stderr); print('1.0')"),
        ("crash", "required", "import os; os.abort()", "mend the crash"),
        ("wrong", "required", "assert False, 'too old'", "mend the wrong"),
        ("last", "required", "print('2.0')"),
    )
    assert check_install.main([]) == 1
    out, err = capfd.readouterr()
    rows = [line.split(maxsplit=3) for line in out.splitlines()[:4]]
    assert [(row[0], row[2]) for row in rows] == [
        ("noisy", "ok"),
        ("crash", "FAILS"),
        ("wrong", "FAILS"),
        ("last", "ok"),
    ]
    assert rows[2][3] == "AssertionError: too old"
    assert "crash: mend the crash" in out
    assert "wrong: mend the wrong" in out
    assert err == ""


def test_an_extra_that_nobody_asked_for_may_be_absent(check_install, monkeypatch, capsys):
    set_checks(
        monkeypatch,
        check_install,
        ("base", "required", "print(1)"),
        ("more", "demo", "import no_such_module", "install it"),
    )
    assert check_install.main([]) == 0
    assert "install it" not in capsys.readouterr().out
    assert check_install.main(["--extras", "dev,demo"]) == 1
    assert "more: install it" in capsys.readouterr().out


def test_what_does_not_answer_has_failed(check_install, monkeypatch, capsys):
    monkeypatch.setattr(check_install, "TIMEOUT", 0.5)
    set_checks(monkeypatch, check_install, ("slow", "required", "import time; time.sleep(60)"))
    assert check_install.main([]) == 1
    assert "no answer within 0.5 s" in capsys.readouterr().out


def test_every_need_of_setup_py_is_checked(check_install):
    """What setup.py requires, and only that, is required here."""
    text = PATH.parents[1].joinpath("setup.py").read_text()
    block = text.split("INSTALL_REQUIRES = [")[1].split("]")[0]
    needs = {line.strip(' ",') for line in block.splitlines() if line.strip().startswith('"')}
    required = {c.name for c in check_install.CHECKS if c.needed_by == "required"}
    assert needs - required == {"tqdm"}  # pure Python, comes with others
    assert required - needs == {"python", "fad"}
