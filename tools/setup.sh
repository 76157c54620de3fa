#!/usr/bin/env bash
# Builds the virtual environment for everything; a second call takes seconds.
# VENV=DIR chooses its folder (tools/venv), PYTHON=PROGRAM another Python (python3).
[ -n "${BASH_VERSION:-}" ] || { echo "$0: call it itself or by bash: it needs bash, not sh" >&2; exit 1; }
set -euo pipefail

tools=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$tools")
# shellcheck source=utils/log.sh
. "$root/utils/log.sh"

# Options
extras=dev,demo              # extras of setup.py to install, with commas between
torch_index=${TORCH_INDEX:-} # package index for torch, e.g. one with CPU-only or other CUDA builds;
                             # TORCH_INDEX in the environment does the same
# End of options
# shellcheck source=utils/parse_options.sh
. "$root/utils/parse_options.sh"

python=${PYTHON:-python3}
export VENV=${VENV:-tools/venv}
[[ $VENV == /* ]] || VENV=$root/$VENV
export TORCH_INDEX=$torch_index
# Settings of pip and Python that would put packages elsewhere than in this environment.
export PIP_USER=0 # over a pip.conf too
unset PIP_TARGET PIP_PREFIX PIP_ROOT PIP_DRY_RUN PYTHONPATH PYTHONHOME PYTHONUSERBASE
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off
log_file=$VENV/setup.log
stamp=$VENV/setup.stamp # a line for each installed set of extras: "<inputs> <extras>"

inputs() { # prints a hash of all inputs of the installation, except the extras
    {
        cat "$tools/setup.sh" "$tools"/installers/* "$tools/constraints.txt" "$root/setup.py"
        echo "$root $TORCH_INDEX"
        "$python" --version 2>&1 || true
        nvidia-smi -L 2>/dev/null || true
    } | sha256sum | cut -c1-16
}

runs() { # whether $python runs this code
    "$python" -c "$1" >/dev/null 2>&1
}

check_system() { # dies with one line that installs everything missing
    local missing=() name=${python##*/}
    [[ $name =~ ^python3\.[0-9]+$ ]] || name=python3
    command -v g++ >/dev/null || missing+=(g++)
    command -v make >/dev/null || missing+=(make)
    if ! command -v "$python" >/dev/null; then
        missing+=("$name" "$name-dev" "$name-venv")
    elif ! runs 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        log "$python is $("$python" --version 2>&1), 3.11 or newer is needed: install one and call" \
            "this again with PYTHON=python3.11"
        missing+=(python3.11 python3.11-dev python3.11-venv)
    else
        runs 'import os, sysconfig
assert os.path.exists(os.path.join(sysconfig.get_path("include"), "Python.h"))' \
            || missing+=("$name-dev")
        runs 'import ensurepip, venv' || missing+=("$name-venv")
    fi
    ((${#missing[@]} == 0)) || die "missing: ${missing[*]}; install with:" \
        "sudo apt-get install -y ${missing[*]}"
}

make_venv() {
    local show='import sys; print(*sys.version_info[:2], sep=".")'
    if "$VENV/bin/python" -m pip --version >/dev/null 2>&1; then
        [[ $("$VENV/bin/python" -c "$show") == $("$python" -c "$show") ]] \
            || die "$VENV was made with another Python than $python; remove it, or choose another VENV"
        return
    fi
    "$python" -m venv "$VENV"
}

step() { # title, command...: silent unless it fails
    log "$1"
    shift
    echo "+ $*" >>"$log_file"
    "$@" >>"$log_file" 2>&1 && return
    tail -n 30 "$log_file" >&2
    die "'${*##*/}' failed; the whole log is $log_file. Calling setup.sh again goes on from here."
}

hold_alone() { # waits for another setup.sh in this environment; the lock ends with this process
    mkdir -p "$(dirname "$VENV")"
    command -v flock >/dev/null || return 0
    exec {lock}>"$VENV.lock"
    flock -n "$lock" && return
    log "another setup.sh may be at work in $VENV: waiting for its end"
    flock "$lock" || log "WARNING: no locks here: let only one setup.sh run in $VENV at a time"
}

check_pip() { # dies if a pip.conf sends packages elsewhere: no variable takes such a line back
    local found
    found=$("$VENV/bin/python" -m pip config list \
        | sed -nE 's/^([a-z]+\.(target|prefix|root|dry-run))=.*/\1/p' | paste -sd ' ')
    [[ -z $found ]] || die "pip's own settings send packages elsewhere than to $VENV: $found;" \
        "call '$VENV/bin/python -m pip config unset NAME' for each, or set PIP_CONFIG_FILE to another file"
}

tell_other_clone() { # an environment has one editable fad: the last clone's that was set up
    local other
    other=$(cat "$VENV/setup.root" 2>/dev/null) || return 0
    [[ $other == "$root" || ! -d $other/fad ]] || log "WARNING: $VENV was set up for $other; now" \
        "'import fad' outside of a clone finds this one, $root. Give each clone its own VENV"
}

hold_alone
hash=$(inputs)
if [[ -x $VENV/bin/python ]] && grep -qxF "$hash $extras" "$stamp" 2>/dev/null; then
    log "$VENV is ready"
    exit 0
fi

check_system
make_venv
check_pip
tell_other_clone
: >"$log_file"
grep -q "^$hash " "$stamp" 2>/dev/null || rm -f "$stamp"
pip=("$VENV/bin/python" -m pip)

log "setting up $VENV: 5 to 10 minutes the first time; details in $log_file"
step "1/5 pip (seconds)" "${pip[@]}" install --upgrade pip
step "2/5 torch (1 to 5 minutes: 200 MB, several GB with CUDA)" "$tools/installers/torch.sh"
step "3/5 fairseq (1 to 5 minutes: it is compiled)" "$tools/installers/fairseq.sh"
step "4/5 torchaudio (seconds)" "$tools/installers/torchaudio.sh"
step "5/5 fad and its extras $extras (1 to 3 minutes: pyworld is compiled)" \
    "${pip[@]}" install --no-build-isolation --config-settings editable_mode=compat -c "$tools/constraints.txt" -e "${root}[$extras]"
"$VENV/bin/python" "$tools/check_install.py" --extras "$extras"
echo "$root" >"$VENV/setup.root"
echo "$hash $extras" >>"$stamp"
log "$VENV is ready"
