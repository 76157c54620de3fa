"""Configs, tables and audio that want to run code, read other files or write elsewhere.

None may, and each could: `unsafe` is a way of reading it in which it succeeds.
"""

import os
import pickle

import yaml

from fad.bin.train import main as train
from fad.config.resolve import read_yaml
from fad.data.audio import read_audio
from fad.data.tables import read_table, validate_data_dir

from .fault import Hostile
from .inputs import data_dir, edited, file
from .model_inputs import frames, read_frames
from .payloads import (
    CODE,
    TAG,
    TOUCH,
    Bomb,
    hostile_clip,
    in_a_shell,
    kaldiios_way,
    kaldis_way,
    load_npy,
    npy_bomb,
    open_playlist,
    playlist,
    unsafe_yaml,
    write_set,
)

A_PIPE = "is a pipe, which is never run: write its output to a file and name that"

FAULTS = [
    *(
        Hostile(
            f"hostile: {what} in a config",
            file("mine.yaml", text),
            read_yaml,
            "mine.yaml: not plain YAML: could not determine a constructor for the tag",
            unsafe=unsafe_yaml,
        )
        for what, text in (
            ("a tag that applies", f"train: {TAG}\n"),
            ("a tag as a key", f"? {TAG}\n: 1\n"),
            (
                "a tag that builds",
                "a: !!python/object/new:subprocess.check_call [[touch, CANARY]]\n",
            ),
            (
                "a tag of a module",
                f'a: !!python/object/apply:eval ["{CODE}"]\n',
            ),
        )
    ),
    Hostile(
        "hostile: a tag in --set",
        lambda folder: TAG,
        lambda tag: train(
            ["--config", "lora", "--set", f"train.lr={tag}", "--pretrained", "x", "--exp", "exp"]
        ),
        "--set train.lr=.*: the value is not plain YAML",
        unsafe=lambda tag: yaml.unsafe_load(tag),
    ),
    *(
        Hostile(
            f"hostile: an ark that is {what}",
            frames("{}:2", ark),
            read_frames,
            "a.ark:2: not a float32 matrix of shape .*remove it and run stage 2 again",
            unsafe=unsafe,
        )
        for what, ark, unsafe in (
            (
                "a pickle",
                b"u " + pickle.dumps(Bomb()),
                lambda f: pickle.loads((f[0].parent / "a.ark").read_bytes()[2:]),
            ),
            ("a pickled .npy", b"u " + npy_bomb(), load_npy),
        )
    ),
    *(
        Hostile(
            f"hostile: feats.scp has '{entry}'",
            frames(entry),
            read_frames,
            says,
            unsafe=unsafe,
        )
        for entry, says, unsafe in (
            (f"{TOUCH} |", f"feats.scp: the value of 'u' {A_PIPE}", kaldiios_way),
            (f"{TOUCH} |:0", f"feats.scp: the value of 'u' {A_PIPE}", kaldiios_way),
            (f"{TOUCH} |[0:1]", f"feats.scp: the value of 'u' {A_PIPE}", kaldiios_way),
            (f"| {TOUCH}", f"feats.scp: the value of 'u' {A_PIPE}", lambda _: os.system(TOUCH)),
        )
    ),
    *(
        Hostile(
            f"hostile: wav.scp has '{value}'",
            edited("wav.scp", "b.wav", value),
            validate_data_dir,
            f"wav.scp: the value of 'c-2' {A_PIPE}",
            unsafe=kaldis_way,
        )
        for value in (
            f"{TOUCH} |",
            f"{TOUCH}|",
            f"{TOUCH} |:7",
            f"{TOUCH} |[0:9]",
            f"| {TOUCH}",
            f"|{TOUCH}",
        )
    ),
    *(
        Hostile(
            f"hostile: an id with {what}",
            file("utt2label", f"{text} spoof\n"),
            read_table,
            "utt2label:1: utterance id .* is refused: use only letters",
            unsafe=lambda path: in_a_shell(path.read_text().rpartition(" ")[0]),
        )
        for what, text in (
            ("a command", "$(touch${IFS}CANARY)"),
            ("a command in backquotes", "`touch${IFS}CANARY`"),
            ("a semicolon", ";touch${IFS}CANARY"),
            ("a pipe", "a|touch${IFS}CANARY"),
            ("a redirection", "a>CANARY"),
        )
    ),
    *(
        Hostile(
            f"hostile: {what} with a command",
            data_dir(**tables),
            validate_data_dir,
            f"{table}: {what}.* is refused: use only letters",
            unsafe=lambda data, table=table: in_a_shell(read_table(data / table)["c-2"]),
        )
        for what, table, tables in (
            (
                "speaker",
                "utt2spk",
                {"utt2spk": "c-1 p1\nc-2 $(touch CANARY)\nc-3 p2\nc-4 p2\n"},
            ),
            (
                "attack",
                "utt2attack",
                {"utt2attack": "c-1 -\nc-2 $(touch CANARY)\nc-3 -\nc-4 A02\n"},
            ),
        )
    ),
    *(
        Hostile(
            f"hostile: {what} named like audio",
            playlist(name, text),
            read_audio,
            f"{name}: neither libsndfile nor FFmpeg can decode it",
            unsafe=open_playlist,
        )
        for what, name, text in (
            ("a list to concatenate", "list.wav", "ffconcat version 1.0\nfile 'secret.wav'\n"),
            (
                "a playlist",
                "list.m3u8",
                "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1.0,\nsecret.wav\n#EXT-X-ENDLIST\n",
            ),
        )
    ),
    Hostile(
        "hostile: a set with a command for a name",
        hostile_clip(split="$(touch CANARY)"),
        write_set("eval"),
        r"split '\$\(touch CANARY\)': known: eval",
        unsafe=lambda clips: in_a_shell(clips[1].split),
    ),
]
