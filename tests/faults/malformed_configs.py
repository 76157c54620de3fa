"""Configs and overrides that are wrong: each ends in one line before anything is built or written.

They go through the program that trains, which is told of data that is not there: a config that were
accepted would end in another line.
"""

from collections.abc import Callable
from pathlib import Path

from fad.bin.train import main as train

from .fault import Fault
from .inputs import file

LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)
)
NOT_PLAIN = "mine.yaml: not plain YAML: "


def train_with(*options: str) -> None:
    train([*options, "--pretrained", "none.pt", "--exp", "exp", "--dump_dir", "none"])


def of_file(path: Path) -> None:
    train_with("--config", str(path))


def overridden(text: str) -> Callable[[object], None]:
    return lambda _: train_with("--config", "lora", "--set", text)


def nothing(folder: Path) -> str:
    return folder.name


FAULTS = [
    *(
        Fault(f"config: {what}", file("mine.yaml", content), of_file, f"mine.yaml.*{says}")
        for what, content, says in (
            ("cut short", "train: {lr: 1.0", "not plain YAML: .*expected ',' or '}'"),
            ("a list", "- adaptation\n- lora\n", "expected keys and values at the top"),
            ("a word", "lora", "expected keys and values at the top"),
            ("in Latin-1", b"# \xe9\ntrain: {lr: 1.0}\n", "not plain YAML: 'utf-8' codec"),
            ("in UTF-16", "train: {lr: 1.0}".encode("utf-16"), "not plain YAML: 'utf-8' codec"),
            ("with a NUL", "train: {lr: 1.0}\0", "not plain YAML: unacceptable character"),
            ("with tabs", "train:\n\tlr: 1.0\n", r"not plain YAML: .*'\\t'"),
            ("of two documents", "a: 1\n---\nb: 2\n", "not plain YAML: expected a single doc"),
            (
                "with an unknown key",
                "backnd: pool\n",
                "unknown key 'backnd'; did you mean 'backend'",
            ),
            (
                "with an unknown deep key",
                "train: {epoch: 3}",
                "'train.epoch'; did you mean 'epochs'",
            ),
            (
                "with an unknown method",
                "adaptation: lroa",
                "'lroa' is unknown; did you mean 'lora'",
            ),
            (
                "with an unknown back-end",
                "backend: poool",
                "'poool' is unknown; did you mean 'pool'",
            ),
            ("with an unknown encoder", "encoder: hubert", "encoder: 'hubert' is unknown; known: "),
            ("with an unknown loss", "loss: focal", "loss: 'focal' is unknown; known: weighted_ce"),
            ("with a method's unknown key", "adaptation_conf: {rank: 4}", "'frozen' has no key"),
            ("with a key that comes twice", "train: {lr: 1.0, lr: 2.0}", "'lr' comes twice: keep"),
            ("with a part that comes twice", "train: {lr: 1.0}\ntrain: {}", "'train' comes twice"),
            ("with a part that is empty", "train:\n", "'train' needs keys below it, not 'None'"),
            ("with a part that is a list", "train: [lr]", "'train' needs keys below it"),
            ("with a list for a name", "backend: [pool]", "'backend' is of type str, not"),
            ("with a key that is a number", "1: 2", "unknown key '1'"),
            ("with a key that is a list", "? [a]\n: 1", "not plain YAML: .*unhashable"),
            ("with a key that is nothing", "~: 2", "unknown key 'None'"),
            ("with text for a number", "train: {epochs: ten}", "'train.epochs' is of type int"),
            ("with a fraction of epochs", "train: {epochs: 2.5}", "is of type int, not '2.5'"),
            ("with infinite epochs", "train: {epochs: .inf}", "is of type int, not 'inf'"),
            ("with a date", "train: {lr: 2001-01-01}", "'train.lr' is of type float, not '2001"),
            ("with a 13th month", "train: {lr: 2001-13-01}", "not plain YAML: month must be"),
            ("with 5,000 digits", "train: {seed: " + "9" * 5000 + "}", "not plain YAML: Exceeds"),
            ("20,000 brackets deep", "[" * 20_000, "not plain YAML: maximum recursion depth"),
            ("that contains itself", "train: &a\n  lr: *a\n", r"not plain YAML: an alias \(\*a\)"),
            ("a billion laughs", LAUGHS, r"not plain YAML: an alias \(\*a0\): write the value out"),
            (
                "with a terminal's escape",
                'backend: "\\e[2J"',
                "not plain YAML: a control character",
            ),
            ("with a line break", 'backend: "a\\nb"', "not plain YAML: a control character"),
        )
    ),
    Fault(
        "config: missing",
        lambda folder: folder / "none.yaml",
        of_file,
        "none.yaml: cannot be read: No such file",
    ),
    Fault("config: a folder", lambda folder: folder, of_file, "cannot be read: Is a directory"),
    Fault(
        "config: a name too long",
        lambda folder: folder / ("x" * 300 + ".yaml"),
        of_file,
        "cannot be read: File name too long",
    ),
    *(
        Fault(
            f"--config {name[:20]}",
            nothing,
            lambda _, name=name: train_with("--config", name),
            f"--config .*: no such config in conf/; {hint}",
        )
        for name, hint in (
            ("lora_61", "did you mean 'lora_r16'"),
            ("LORA", "known: .*frozen, .*, lora_r16"),
            ("l" * 5000, "known: .*frozen, .*, lora_r16"),
            ("$(touch CANARY)", "known: .*frozen, .*, lora_r16"),
        )
    ),
    *(
        Fault(f"--set {text[:40]}", nothing, overridden(text), says, ("exp/.run*.lock",))
        for text, says in (
            ("train.lr=abc", "--set train.lr=abc: 'train.lr' is of type float, not 'abc'"),
            ("train.lr=", "--set train.lr=: 'train.lr' is of type float, not 'None'"),
            ("train.lr", "--set train.lr: expected key=value, such as train.lr=1e-4"),
            ("train.lr=[", "--set train.lr=.*: the value is not plain YAML"),
            ("train.lr=" + "[" * 9999, "--set train.lr=.*: the value is not plain YAML"),
            ("train.lr=0", "train.lr is 0.0; it must be over 0"),
            ("train.lr=-1", "train.lr is -1.0; it must be over 0"),
            ("train.lr=.nan", "train.lr is nan; it must be over 0"),
            ("train.lr=.inf", "train.lr is inf; it must be over 0"),
            ("train.clip_grad=.nan", "train.clip_grad is nan; it must be over 0"),
            ("train.epochs=0", "train.epochs is 0; it must be at least 1"),
            ("train.batch_size=0", "train.batch_size is 0; it must be at least 1"),
            ("train.seed=-1", "train.seed is -1; it must be at least 0"),
            ("train.seed=2147483648", "train.seed is 2147483648; .*under 2147483648"),
            ("train.warmup=2", "unknown key 'train.warmup'; did you mean 'schedule_conf.warmup'?"),
            ("train.crop_samples=399", "train.crop_samples is 399; it must be at least 400"),
            ("train.num_workers=-1", "train.num_workers is -1; it must be at least 0"),
            ("train.precision=fp8", "train.precision: 'fp8' is not one of auto, fp32, bf16"),
            ("train.precision=16", "'train.precision' is of type str, not '16'"),
            ("adaptation_conf.rnk=3", "'lora' has no key 'rnk'; did you mean 'rank'"),
            ("loss_conf.class_counts=[1,1]", "'weighted_ce' has no key 'class_counts'"),
        )
    ),
]
