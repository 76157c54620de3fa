#!/usr/bin/env python3
"""Starts the processes of a training with torchrun, on this machine or on each of several.

    launch.py --nproc_per_node 4 -m fad.bin.train --ngpu 4 ...
    launch.py --num_nodes 2 --nproc_per_node 4 -m fad.bin.train --ngpu 8 ...

With --num_nodes it must run once on each node; run_slurm.py does this. It reads the number of this
node and the address of the first one from

    SLURM_NODEID              or NODE_RANK     0 on the first node
    SLURM_LAUNCH_NODE_IPADDR  or MASTER_ADDR   an address of the first node
                                 MASTER_PORT   a free port there, the same on all

Jobs of another scheduler set the variables of the second column. The processes of a node share its
CPUs: each has OMP_NUM_THREADS threads, or fewer if there are not enough CPUs. SIGTERM and SIGUSR1
are passed to the processes, which then save and end; the exit code is then 128 + 15. If a process
fails, the exit code is 1 and the reason is under "Root Cause".
"""

import argparse
import os
import signal
import sys
from collections.abc import Mapping, Sequence

NODE = ("SLURM_NODEID", "NODE_RANK")
ADDRESS = ("SLURM_LAUNCH_NODE_IPADDR", "MASTER_ADDR")
PORT = ("MASTER_PORT",)
SIGNALS = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"  # the signals that torchrun passes on
SAVE_SECONDS = 600  # before torchrun kills; Slurm and run_local.py have their own limits


def get_parser() -> argparse.ArgumentParser:
    """The command line; options come first, and everything after -m MODULE goes to the program."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        usage="launch.py [options] -m MODULE [ARGUMENT ...]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--num_nodes", type=int, default=1, help="nodes (default 1)")
    parser.add_argument("--nproc_per_node", type=int, required=True, help="processes on each")
    parser.add_argument(
        "-m", dest="program", nargs=argparse.REMAINDER, help="the module to run, and its arguments"
    )
    return parser


def rendezvous(num_nodes: int, env: Mapping[str, str]) -> list[str]:
    """The options of torchrun for the meeting of the nodes.

    Raises:
        ValueError: the number of this node or the address of the first one is unknown.
    """
    if num_nodes == 1:
        return ["--standalone"]
    found = {}
    for option, names in (("node_rank", NODE), ("master_addr", ADDRESS), ("master_port", PORT)):
        given = [env[name] for name in names if env.get(name)]
        if not given:
            raise ValueError(
                f"--num_nodes {num_nodes}: {' or '.join(names)} is not set: start it on each node, "
                "by run_slurm.py --num_nodes or with these variables set"
            )
        found[option] = given[0]
    if not 0 <= int(found["node_rank"]) < num_nodes:
        raise ValueError(f"--num_nodes {num_nodes}: this is node {found['node_rank']} of them")
    return [f"--nnodes={num_nodes}", *(f"--{name}={value}" for name, value in found.items())]


def threads(processes: int, env: Mapping[str, str]) -> str:
    """OMP_NUM_THREADS of each process; torchrun's default would be one thread."""
    share = max(1, len(os.sched_getaffinity(0)) // processes)
    return str(min(int(env.get("OMP_NUM_THREADS") or share), share))


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the processes until they end; returns the exit code."""
    args = get_parser().parse_args(argv)
    try:
        if args.num_nodes < 1 or args.nproc_per_node < 1:
            raise ValueError("--num_nodes and --nproc_per_node start at 1")
        if not args.program:
            raise ValueError("-m MODULE is missing: which program?")
        options = rendezvous(args.num_nodes, os.environ)
    except ValueError as error:
        print(f"launch.py: error: {error}", file=sys.stderr)
        return 2
    os.environ["OMP_NUM_THREADS"] = threads(args.nproc_per_node, os.environ)
    options += [f"--nproc_per_node={args.nproc_per_node}", f"--signals_to_handle={SIGNALS}"]
    options += [f"--shutdown_timeout={SAVE_SECONDS}"]
    return _run([*options, "-m", *args.program])


def _run(words: list[str]) -> int:
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import main as torchrun

    try:
        torchrun(words)
    except SignalException as stopped:
        print(f"launch.py: stopped by {stopped.sigval.name}", file=sys.stderr)
        return 128 + signal.SIGTERM
    except ChildFailedError as failed:
        print(failed, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
