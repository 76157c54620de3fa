"""Which documented commands the tests run, and why not the others.

python -m tests.docs.commands
"""

import re
from typing import NamedTuple

from tests.docs.documents import DOCUMENTS, Command, commands

# A command that a pattern is found in is not run, for the reason beside it. Its options are checked
# all the same. A study is run with --dry_run true.
NOT_RUN = (
    (r"^(cd|\.) |^same=\(", "changes the shell: it is part of the commands after it"),
    (r"^make setup", "installs; tests/shell/test_setup.py runs it on a machine of its own"),
    (r"^make (test|lint|docs)|^\.ci/run", "is what runs these tests"),
    (r"^(make demo|\./demo\.sh)", "takes 10 minutes; tests/shell/test_demo.py starts it"),
    (r"^make bench|tests\.bench\.", "takes minutes to hours, by hand on a quiet machine"),
    (r"^tools/download_xlsr\.sh", "downloads; tests/shell/test_download_xlsr.py runs it"),
    (r"^FAD_BACKEND=slurm", "needs a cluster; tests/slurm runs it on one of its own"),
    (
        r"^\./run\.sh .*--corpus_dir /",
        "needs a corpus; tests/integration/test_recipes.py makes one",
    ),
    (r"^\./run\.sh", "takes minutes; tests/integration/test_mini_recipe.py runs all stages"),
    (
        r"^\.\./TEMPLATE/study\.sh --report_only",
        "needs runs; tests/integration/test_study.py has some",
    ),
    (r"^cat exp/", "shows what a run on a corpus has made"),
    (r"fad\.bin\.distill", "takes hours; tests/unit/bin/test_distill.py runs it"),
    (r"^python local/pretrain\.py", "needs fairseq, real speech and hours"),
    (r"tests\.browser\.|^chromium", "needs Chromium"),
    (r"^python tools/generate_docs", "writes tables; tests/docs/test_generated.py compares them"),
    (r"tests\.docs\.commands", "is this list"),
)


class Verdict(NamedTuple):
    """A command, and why it is not run: None where it is."""

    command: Command
    reason: str | None


def judge(command: Command) -> Verdict:
    """Whether a command is run."""
    for pattern, reason in NOT_RUN:
        if re.search(pattern, command.text):
            return Verdict(command, reason)
    return Verdict(command, None)


def verdicts() -> list[Verdict]:
    """All commands of all documents."""
    return [judge(command) for document in DOCUMENTS for command in commands(document)]


def report(names: bool) -> str:
    """How many are run, and how many not, by reason.

    Args:
        names: also which.
    """
    found = verdicts()
    lines = []
    for reason in (None, *(reason for _, reason in NOT_RUN)):
        of_reason = [verdict.command for verdict in found if verdict.reason == reason]
        said = "run" if reason is None else f"not run: {reason}"
        lines.append(f"{len(of_reason):3} of {len(found)} documented commands {said}")
        if names:
            lines += [
                f"      {command.document}:{command.line}: {command.text}" for command in of_reason
            ]
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(names=True))
