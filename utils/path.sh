# shellcheck shell=bash
# Sourced by every script: puts the virtual environment and the tools of utils/ on the PATH, makes
# `import fad` work in any folder, and sets sorting by bytes. Sourcing it twice changes nothing.
#
# VENV names another virtual environment; a relative path starts at the repository root.

FAD_ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
VENV=${VENV:-tools/venv}
[[ $VENV == /* ]] || VENV=$FAD_ROOT/$VENV

if [[ ! -x $VENV/bin/python ]]; then
    echo "path.sh: error: no Python in $VENV; run $FAD_ROOT/tools/setup.sh first" >&2
    return 1
fi

[[ $PATH: == "$VENV/bin:$FAD_ROOT/utils:"* ]] || PATH=$VENV/bin:$FAD_ROOT/utils:$PATH
[[ ${PYTHONPATH:-}: == "$FAD_ROOT:"* ]] || PYTHONPATH=$FAD_ROOT${PYTHONPATH:+:$PYTHONPATH}
export FAD_ROOT VENV PATH PYTHONPATH
export LC_ALL=C.UTF-8 PYTHONUNBUFFERED=1
# Waiting threads give up their core. By default OpenMP lets them spin, which slows everything down
# as soon as a data worker or another program needs a core.
export OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive}
