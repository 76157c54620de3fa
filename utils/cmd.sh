# shellcheck shell=bash
# shellcheck disable=SC2034
# Sourced: how each kind of job is started. This is the one file to edit to suit a machine or a
# cluster. A command is an array, its program first, then options that all of its jobs get; the
# stages add `--gpu N`, `JOB=1:N`, the log file and the command to run:
#
#     "${score_cmd[@]}" --gpu 1 JOB=1:4 exp/x/log/score.JOB.log \
#         python -m fad.bin.score_set ... --nj 4 --job JOB
#
# FAD_BACKEND chooses among the sets below.

case ${FAD_BACKEND:=local} in
    local) # this machine; run_local.py --help lists its options, e.g. --max_jobs_run 2
        train_cmd=(run_local.py)
        cuda_cmd=(run_local.py)
        dump_cmd=(run_local.py)
        score_cmd=(run_local.py)
        ;;
    *)
        echo "cmd.sh: error: unknown FAD_BACKEND '$FAD_BACKEND'; known: local" >&2
        return 1
        ;;
esac
