# shellcheck shell=bash
# Sourced: `log TEXT...` writes a line to standard error, with the time and the place it was called
# from; `die TEXT...` does so and ends the script with 1.

_log_from() { # depth of the caller, text...
    local depth=$(($1 + 1))
    shift
    printf '%(%Y-%m-%dT%H:%M:%S)T (%s:%s:%s) %s\n' -1 "${BASH_SOURCE[depth]##*/}" \
        "${BASH_LINENO[depth - 1]}" "${FUNCNAME[depth]}" "$*" >&2
}

log() {
    _log_from 1 "$@"
}

die() {
    _log_from 1 "error:" "$@"
    exit 1
}
