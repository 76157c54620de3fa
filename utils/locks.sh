# shellcheck shell=bash
# Sourced after log.sh: one run at a time in a folder. fad/utils/locks.py describes the protocol;
# this is the same in shell.
#
#     hold_alone data    # to write there
#     hold_shared dump   # to read there: meanwhile nobody may write
#     hold_run exp/lora  # to write there, also by jobs
#     release            # releases all locks
#
# Jobs on this machine inherit the script's locks, so the locks are held until the last job ends.
# Jobs on other machines know the run by FAD_RUN. A killed run may leave data workers, which need
# some seconds to end.

_lock_wait=8 # seconds
_locks=()

_lock_open() { # file: sets _lock to a descriptor that jobs inherit
    exec {_lock}<>"$1"
    _locks+=("$_lock")
}

hold_alone() { # directory
    local file=$1/.run.lock
    FAD_RUN="run.sh, process $$ on $(hostname), since $(date +%FT%T)"
    mkdir -p "$1"
    { : >>"$file"; } 2>/dev/null || die "$1 cannot be written: change its owner or mode, or make room"
    _lock_open "$file"
    flock --exclusive --wait "$_lock_wait" "$_lock" ||
        die "$1 is in use by another run or by jobs that it left (the last to write there was" \
            "$(cat "$file")): wait for its end, or end it"
    echo "$FAD_RUN" 2>/dev/null >"$file" || true # only helps messages; a full disk may prevent it
}

hold_run() { # directory
    hold_alone "$1"
    export FAD_RUN
    # The lock is free for a moment, in which another run may take it.
    flock --shared --wait "$_lock_wait" "$_lock" && [[ $(<"$1/.run.lock") =~ ^("$FAD_RUN")?$ ]] ||
        die "$1 is in use by another run, $(cat "$1/.run.lock"): wait for its end, or end it"
}

hold_shared() { # directory
    local file=$1/.run.lock
    # In a folder that is not writable no lock is needed.
    [[ -e $file ]] || { : >>"$file"; } 2>/dev/null || return 0
    exec {_lock}<"$file"
    _locks+=("$_lock")
    flock --shared --wait "$_lock_wait" "$_lock" ||
        die "$1 is being written by $(cat "$file") or by jobs that it left: wait for its end"
}

release() {
    local lock
    for lock in "${_locks[@]}"; do
        exec {lock}>&-
    done
    _locks=()
}
