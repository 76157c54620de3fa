"""tools/download_xlsr.sh against a server on this machine that behaves, and many that do not."""

import hashlib
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from fad.encoders.released import RELEASED, parameter_shapes

ROOT = Path(__file__).parents[2]
NAME = "xlsr2_300m.pt"


def write_thin(path: Path, name: str, **changes) -> bytes:
    """A checkpoint of a released shape in few bytes: all tensors are views of the largest."""
    shapes = {k: torch.Size(v) for k, v in (parameter_shapes(RELEASED[name]) | changes).items()}
    values = torch.zeros(max(shape.numel() for shape in shapes.values()))
    state = {key: values[: shape.numel()].view(shape) for key, shape in shapes.items()}
    cfg = {"model": RELEASED[name], "task": {"normalize": True}}
    torch.save({"cfg": cfg, "model": state}, path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> bytes:
    return write_thin(tmp_path_factory.mktemp("good") / NAME, "xls-r-300m")


class Server:
    """Serves `content`; the attributes say how it misbehaves, `asked` what it was asked."""

    def __init__(self) -> None:
        self.content = b""
        self.cuts = 0  # answers to break off half-way
        self.ranges = True  # whether it can go on in the middle
        self.head_length: int | None = None  # what HEAD says instead of the length
        self.status = 200
        self.asked: list[str] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_HEAD(self):
                server.asked.append("HEAD")
                self.send_response(server.status)
                length = len(server.content) if server.head_length is None else server.head_length
                if length >= 0:
                    self.send_header("Content-Length", str(length))
                self.end_headers()

            def do_GET(self):
                start = 0
                wanted = self.headers.get("Range", "")
                server.asked.append(f"GET {wanted}".strip())
                if wanted and server.ranges:
                    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206 if start else server.status)
                body = server.content[start:]
                if start:
                    total = len(server.content)
                    self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if server.cuts:
                    server.cuts -= 1
                    body = body[: len(body) // 2]
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server(good):
    server = Server()
    server.content = good
    thread = threading.Thread(target=server.http.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.fixture
def download(server, tmp_path):
    """Runs the script, with its downloads in `tmp_path / "models"`."""

    def call(*options: str, **env: str) -> subprocess.CompletedProcess[str]:
        given = ["--dir", tmp_path / "models", "--base_url", server.url, "--wait", "0", *options]
        return subprocess.run(
            [ROOT / "tools" / "download_xlsr.sh", *given],
            env={**os.environ, "no_proxy": "*", **env},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return call


def files(tmp_path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "models").iterdir())


def ready(tmp_path, content: bytes, name: str = NAME) -> bool:
    """Whether the file is there, whole, with its sha256 beside it and nothing else."""
    sha256 = hashlib.sha256(content).hexdigest()
    record = (tmp_path / "models" / f"{name}.sha256").read_text()
    whole = (tmp_path / "models" / name).read_bytes() == content
    return whole and record == f"{sha256}  {name}\n" and files(tmp_path) == [name, f"{name}.sha256"]


def failed(done, message: str) -> None:
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_download_gets_its_name_and_its_sha256_and_a_second_call_compares(
    server, download, tmp_path, good
):
    done = download()
    assert done.returncode == 0, done.stderr
    assert ready(tmp_path, good)
    assert f"sha256 {hashlib.sha256(good).hexdigest()}" in done.stderr
    assert '"parameters": 317390592' in done.stderr
    subprocess.run(["sha256sum", "-c", f"{NAME}.sha256"], cwd=tmp_path / "models", check=True)
    server.asked.clear()
    done = download()
    assert done.returncode == 0
    assert "is there already" in done.stderr
    assert server.asked == []
    (tmp_path / "models" / NAME).write_bytes(good + b"x")
    failed(download(), f"{NAME}: is not what was downloaded")


@pytest.mark.parametrize(("option", "name", "shape"), [
    ("1b", "xlsr2_960m_1000k.pt", "xls-r-1b"),
    ("2b", "xlsr2_2B_1000k.pt", "xls-r-2b"),
])  # fmt: skip
def test_the_larger_models(server, download, tmp_path, option, name, shape):
    server.content = write_thin(tmp_path / "made.pt", shape)
    done = download("--model", option)
    assert done.returncode == 0, done.stderr
    assert ready(tmp_path, server.content, name)


def test_a_connection_that_is_cut_is_gone_on_with(server, download, tmp_path, good):
    server.cuts = 2
    done = download()
    assert done.returncode == 0, done.stderr
    half = len(good) // 2
    assert server.asked[:3] == ["HEAD", "GET", f"GET bytes={half}-"]
    assert len(server.asked) == 4
    assert ready(tmp_path, good)


def test_a_part_is_kept_for_the_next_call(server, download, tmp_path, good):
    server.cuts = 1
    failed(download("--tries", "1"), f"cut off at {len(good) // 2} of {len(good)} bytes, 1 times")
    assert files(tmp_path) == [f"{NAME}.part"]
    server.asked.clear()
    assert download().returncode == 0
    assert server.asked == ["HEAD", f"GET bytes={len(good) // 2}-"]
    assert ready(tmp_path, good)


def test_a_server_that_cannot_go_on_in_the_middle_starts_again(server, download, tmp_path, good):
    server.cuts, server.ranges = 1, False
    done = download()
    assert done.returncode == 0, done.stderr
    assert server.asked[-1] == "GET"
    assert ready(tmp_path, good)


@pytest.mark.parametrize("error", [-7, 7])
def test_another_length_than_the_server_said_is_refused(server, download, tmp_path, good, error):
    server.head_length = len(good) + error
    failed(
        download(), f"has {len(good)} bytes, the server said {len(good) + error}; it was removed"
    )
    assert files(tmp_path) == []


def test_a_server_that_does_not_say_the_length_is_refused(server, download, tmp_path):
    server.head_length = -1
    failed(download(), "the server does not say how long it is")
    assert files(tmp_path) == []


def test_an_error_page_is_not_a_model(server, download, tmp_path):
    server.content = b"<html>Please log in to this network</html>"
    failed(download(), "not a PyTorch checkpoint; it begins with")
    assert files(tmp_path) == []


def test_a_missing_file_is_said_at_once(server, download, tmp_path):
    server.status = 404
    done = download()
    failed(done, "404")
    failed(done, f"{NAME}: cannot be had (see above): is there a network, and is --base_url right?")
    assert server.asked == ["HEAD"]
    assert files(tmp_path) == []


def test_a_model_of_another_shape_is_refused(server, download, tmp_path):
    server.content = write_thin(tmp_path / "x.pt", "xls-r-300m", **{"layer_norm.bias": (7,)})
    failed(download(), "first is layer_norm.bias: (7,), not (512,)")
    assert files(tmp_path) == []
    server.content = write_thin(tmp_path / "x.pt", "xls-r-1b")
    failed(download(), "not xls-r-300m: ")
    assert files(tmp_path) == []


def test_other_bytes_than_the_first_time_are_refused(server, download, tmp_path, good):
    assert download().returncode == 0
    record = (tmp_path / "models" / f"{NAME}.sha256").read_text()
    (tmp_path / "models" / NAME).unlink()
    server.content = write_thin(tmp_path / "x.pt", "xls-r-300m", mask_emb=(3,))
    failed(download(), "not what was downloaded before")
    assert files(tmp_path) == [f"{NAME}.sha256"]
    assert (tmp_path / "models" / f"{NAME}.sha256").read_text() == record
    server.content = good
    assert download().returncode == 0
    assert ready(tmp_path, good)


def test_a_part_that_cannot_be_gone_on_with_is_removed(server, download, tmp_path, good):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / f"{NAME}.part").write_bytes(b"of another file" * 10)
    failed(download(), "not a PyTorch checkpoint; it begins with")
    assert files(tmp_path) == []
    assert download().returncode == 0
    assert ready(tmp_path, good)


def test_a_file_put_there_by_hand_is_checked_and_recorded(server, download, tmp_path, good):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / NAME).write_bytes(good)
    assert download().returncode == 0
    assert ready(tmp_path, good)
    assert server.asked == []


def test_too_little_room_is_said_before_the_download(server, download, tmp_path):
    server.head_length = 10**17
    failed(download(), f"MB free, and {NAME} needs")
    assert server.asked == ["HEAD"]
    assert files(tmp_path) == []


def test_unknown_models_and_options_die(download):
    failed(download("--model", "3b"), "--model 3b: the models are 300m, 1b and 2b")
    failed(download("--modle", "1b"), "unknown option '--modle'; did you mean --model?")
    failed(download("--tries", "0"), "--tries 0: give a number, from 1 up")


def test_two_at_once_in_one_directory_are_refused(download, tmp_path):
    (tmp_path / "models").mkdir()
    with subprocess.Popen(["flock", tmp_path / "models", "sleep", "60"]) as holder:
        try:
            while subprocess.run(["flock", "-n", tmp_path / "models", "true"]).returncode == 0:
                pass
            failed(download(), "another download_xlsr.sh is at work there")
        finally:
            holder.kill()
