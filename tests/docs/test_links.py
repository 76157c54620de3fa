"""Links between documents lead somewhere, and files that documents name are there."""

import importlib.util
import os
import re

import pytest

from tests.docs.documents import DOCUMENTS, ROOT, anchors, links, slug, spans

PAGES = [*DOCUMENTS, "CHANGELOG.md"]
_PATH = re.compile(r"^\.?(?:fad|tests|tools|utils|conf|docs|egs|ci)/[\w./-]*$")
_MODULE = re.compile(r"^(?:python -m )?((?!fad\.sh)(?:fad|tests)(?:\.\w+)+)$")
# What is made, or is a name that stands for one's own.
_MADE = re.compile(r"/(data|dump|exp|downloads|pretrained|venv)/|tools/venv|egs/(my_corpus|NAME)")


def broken_links(document: str) -> list[str]:
    """The links of a document that lead nowhere."""
    broken = []
    for target, anchor in links(document):
        path = os.path.normpath(os.path.join(os.path.dirname(document), target))
        path = document if not target else path
        if not (ROOT / path).exists():
            broken.append(target)
        elif anchor and path.endswith(".md") and anchor not in anchors(path):
            broken.append(f"{target}#{anchor}")
    return broken


def missing_files(names: list[str]) -> list[str]:
    """Those that look like a file of the repository, and are none."""
    paths = [name for name in names if _PATH.match(name) and not _MADE.search(f"{name}/")]
    return [path for path in paths if not (ROOT / path).exists()]


def missing_modules(names: list[str]) -> list[str]:
    """Those that look like a module, or something in one, and are not."""
    missing = []
    for found in filter(None, map(_MODULE.match, names)):
        module, _, member = found[1].rpartition(".")
        if _has_spec(found[1]):
            continue
        if not _has_spec(module) or not hasattr(importlib.import_module(module), member):
            missing.append(found[1])
    return missing


def _has_spec(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        return False


@pytest.mark.parametrize("document", PAGES)
def test_links_lead_somewhere(document):
    assert broken_links(document) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_files_that_are_named_are_there(document):
    assert missing_files(spans(document)) == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_modules_that_are_named_are_there(document):
    assert missing_modules(spans(document)) == []


def test_what_is_missing_would_be_seen():
    assert missing_files(["fad/nowhere.py", "egs/mini/exp/lora", "fad/bin"]) == ["fad/nowhere.py"]
    assert missing_modules(["fad.config.nowhere", "fad.utils.errors.FadError"]) == [
        "fad.config.nowhere"
    ]


def test_anchors_are_those_of_a_git_host():
    assert slug("A key of results.json") == "a-key-of-resultsjson"
    assert slug("What it shows, and what not") == "what-it-shows-and-what-not"
