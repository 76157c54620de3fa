# shellcheck shell=bash
# shellcheck disable=SC2034
# Sourced: how to start each kind of job. Only this file has to be edited for a machine or a cluster.
# A command is an array: the program, then options for all of its jobs. The stages add `--gpu N`,
# `--num_nodes N`, `JOB=1:N`, the log file and the command to run:
#
#     "${score_cmd[@]}" --gpu 1 JOB=1:4 exp/x/log/score.JOB.log \
#         python -m fad.bin.score_set ... --nj 4 --job JOB
#
# FAD_BACKEND chooses one of the sets below. train_cmd trains on CPUs, cuda_cmd on GPUs.
#
# Scores and dumps are the same bytes for any number of jobs only if each job has the same number of
# threads, since sums are split among threads. So both sets have --num_threads 1.

case ${FAD_BACKEND:=local} in
    local) # this machine; run_local.py --help lists its options, e.g. --max_jobs_run 2
        train_cmd=(run_local.py)
        cuda_cmd=(run_local.py)
        dump_cmd=(run_local.py --num_threads 1)
        score_cmd=(run_local.py --num_threads 1)
        ;;
    slurm) # a cluster; conf/slurm.conf has the options and a site's partitions
        train_cmd=(run_slurm.py --num_threads 4 --mem 16G)
        cuda_cmd=(run_slurm.py --threads_per_gpu 8 --mem_per_gpu 32G) # training and its workers
        dump_cmd=(run_slurm.py --num_threads 1 --mem 8G)
        score_cmd=(run_slurm.py --num_threads 1 --mem 8G)
        ;;
    *)
        echo "cmd.sh: error: unknown FAD_BACKEND '$FAD_BACKEND'; known: local, slurm" >&2
        return 1
        ;;
esac
