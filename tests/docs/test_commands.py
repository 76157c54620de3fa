"""Documented commands work: they are run, or listed with the reason why not; options exist."""

import re

import pytest

from tests.docs.commands import NOT_RUN, judge, report, verdicts
from tests.docs.documents import DOCUMENTS, ROOT, Command, blocks, commands, spans
from tests.docs.options import check, check_span
from tests.docs.sandbox import make_sandbox, run_python, run_shell

VERDICTS = verdicts()
# What several documents say is run once.
RUN = {
    (verdict.command.context, verdict.command.text): verdict.command
    for verdict in VERDICTS
    if verdict.reason is None
}
PYTHON = {
    block.text: block
    for document in DOCUMENTS
    for block in blocks(document)
    # The template's example is a function, which tests/unit/egs/test_template.py runs.
    if block.language == "python" and document != "egs/TEMPLATE/README.md"
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory, trained):
    return make_sandbox(tmp_path_factory.mktemp("docs") / "tree", trained)


@pytest.mark.parametrize("command", RUN.values(), ids=lambda c: f"{c.document}:{c.line}")
def test_a_command_runs(command, sandbox):
    done = run_shell(sandbox, command)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("block", PYTHON.values(), ids=lambda b: f"{b.document}:{b.line}")
def test_a_python_block_runs(block, sandbox):
    done = run_python(sandbox, block.text)
    assert done.returncode == 0, done.stderr
    assert done.stdout, "it prints nothing"


def test_which_commands_are_run_is_said(capsys):
    with capsys.disabled():
        print(f"\n{report(names=False)}\nwhich: python -m tests.docs.commands")
    assert len(RUN) >= 15


@pytest.mark.parametrize(("pattern", "reason"), NOT_RUN, ids=lambda text: text[:40])
def test_every_reason_is_of_some_command(pattern, reason):
    assert any(verdict.reason == reason for verdict in VERDICTS), f"nothing is like {pattern}"


def test_every_file_that_a_reason_names_is_there():
    named = {name for _, reason in NOT_RUN for name in re.findall(r"tests/[\w/.]+", reason)}
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_block_has_a_language(document):
    assert [block.line for block in blocks(document) if not block.language] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_options_exist(document):
    wrong = {
        f"{document}:{command.line}: {text}"
        for command in commands(document)
        for text in check(command.text)
    }
    assert wrong == set()


@pytest.mark.parametrize("document", DOCUMENTS)
def test_options_in_sentences_exist(document):
    assert {span: check_span(span) for span in spans(document) if check_span(span)} == {}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("python -m fad.bin.score --modle x a.wav", "--modle is no option"),
        ("python -m fad.bin.scores a.wav", "no module fad.bin.scores"),
        ("./run.sh --stages 3", "--stages is no option"),
        ("./run.sh --config lorra", "--config lorra: no such config"),
        ("./run.sh --config lora --set adaptation_conf.rnk=8", "rnk"),
        ("../TEMPLATE/study.sh --run_opts=--ngpus=4", "--ngpus is an option of none"),
        ("./run.sh --data_opts=--language=1", "--language is an option of none"),
        ("tools/setup.sh --extra dev", "--extra is no option"),
        ("tools/set_up.sh", "no program tools/set_up.sh"),
        ("make tests", "make has no target tests"),
        ("run_slurm.py --gpus 1", "--gpus is no option"),
    ],
)
def test_a_wrong_command_would_be_seen(text, says):
    assert says in " ".join(check(text))


def test_a_wrong_option_in_a_sentence_would_be_seen():
    assert check_span("--nproc 2 --ngpuu 4") == ["--ngpuu is no program's option"]
    assert check_span("--set train.lrr=1e-4") != []
    assert check_span("--set train.lr=1e-4") == []


def test_a_command_that_is_in_no_list_is_run():
    assert judge(Command("README.md", 1, "python -m fad.bin.unheard", ())).reason is None
