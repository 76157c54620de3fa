#!/usr/bin/env bash
# A real Slurm on this machine, for testing jobs: a controller and two nodes, n1 and n2, with 8 CPUs
# and 2 GPUs each, which exist only on paper. It needs Debian's slurm-wlm and munge. If they are
# missing, root with FAD_INSTALL_SLURM=1 lets apt install them.
#
#     tools/slurm_test_cluster.sh start     # prints the line that makes sbatch and others find it
#     tools/slurm_test_cluster.sh status
#     tools/slurm_test_cluster.sh stop
#
# Exit code 3: there is no Slurm, and installing it was not asked for or failed.
#
# Partitions: `main` is the default. If a job of `high` needs a node, a job of `low` goes back into
# the queue after 3 seconds to save, and a job of `cancel` is ended after 3 seconds.
#
# FAD_SLURM_DIR is the folder of all its files (default: fad_slurm.<user> in TMPDIR or /tmp). It is
# for tests: the key, the logs and the ports belong to this user, and a stop removes everything.
set -euo pipefail

dir=${FAD_SLURM_DIR:-${TMPDIR:-/tmp}/fad_slurm.$(id -un)}
daemons=(munged slurmctld slurmd.n1 slurmd.n2) # in the order of their start
PATH=$PATH:/usr/sbin:/sbin
export SLURM_CONF=$dir/slurm.conf

die() {
    echo "slurm_test_cluster.sh: error: $*" >&2
    exit 1
}

install_slurm() { # if a program is missing
    local program
    for program in munged slurmctld slurmd sbatch srun; do
        command -v "$program" >/dev/null || break
        [[ $program != srun ]] || return 0
    done
    if [[ ${FAD_INSTALL_SLURM:-0} == 1 && $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
        echo "slurm_test_cluster.sh: $program is missing: installing slurm-wlm and munge" >&2
        apt-get update -qq >&2 || true
        ! DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
            slurm-wlm munge >&2 || return 0
    fi
    echo "slurm_test_cluster.sh: error: $program is missing: have slurm-wlm and munge installed" \
        "(root with FAD_INSTALL_SLURM=1 has it done)" >&2
    exit 3
}

free_ports() { # how many: prints free ports
    python3 - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for each in sockets:
    each.bind(("", 0))
print(*[each.getsockname()[1] for each in sockets])
PYTHON
}

write_conf() {
    local host ports gpu
    host=$(hostname -s)
    read -ra ports <<<"$(free_ports 3)"
    for gpu in 0 1; do
        # Slurm needs a device for each GPU: these are copies of /dev/null.
        [[ -e $dir/gpu$gpu ]] || mknod "$dir/gpu$gpu" c 1 3
    done
    echo "NodeName=n[1-2] Name=gpu File=$dir/gpu[0-1]" >"$dir/gres.conf"
    cat >"$SLURM_CONF" <<CONF
ClusterName=fadtest
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
AuthType=auth/munge
CredType=cred/munge
# A job that was put back waits as long as its old credential lives: 5 seconds is the least.
AuthInfo=socket=$dir/munge.socket,cred_expire=5
StateSaveLocation=$dir/state
SlurmdSpoolDir=$dir/spool.%n
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.%n.pid
SlurmctldLogFile=$dir/slurmctld.log
SlurmdLogFile=$dir/slurmd.%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0
SlurmdParameters=config_overrides
GresTypes=gpu
JobRequeue=1
ReturnToService=2
SlurmdTimeout=6
KillWait=3
MessageTimeout=5
MinJobAge=300
MaxArraySize=51
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
NodeName=n1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=8 RealMemory=64000 Gres=gpu:2
NodeName=n2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=8 RealMemory=64000 Gres=gpu:2
PartitionName=main Default=YES Nodes=n1,n2 PriorityTier=10 PreemptMode=OFF
PartitionName=low Nodes=n1,n2 PriorityTier=1 PreemptMode=REQUEUE GraceTime=3
PartitionName=cancel Nodes=n1,n2 PriorityTier=1 PreemptMode=CANCEL GraceTime=3
PartitionName=high Nodes=n1,n2 PriorityTier=20 PreemptMode=OFF
CONF
}

is_ours() { # process, its program: whether this script started it
    [[ $(cat "/proc/$1/comm" 2>/dev/null) == "$2" ]] &&
        grep -qzxF "SLURM_CONF=$SLURM_CONF" "/proc/$1/environ" 2>/dev/null
}

pid_of() { # daemon: prints its process, if it is still ours
    local pid
    pid=$(cat "$dir/$1.pid" 2>/dev/null) || return 1
    is_ours "$pid" "${1%%.*}" || return 1
    echo "$pid"
}

start_daemon() { # name
    case $1 in
        munged)
            # --force: all users may be able to write to the folder above, such as /tmp.
            munged --force --socket="$dir/munge.socket" --key-file="$dir/munge.key" \
                --pid-file="$dir/munged.pid" --log-file="$dir/munged.log" \
                --seed-file="$dir/munge.seed" --num-threads=2 2>>"$dir/munged.log"
            ;;
        slurmctld) slurmctld ;;
        slurmd.*) slurmd -N "${1#*.}" ;;
    esac
}

wait_for() { # seconds, what for, command...
    local end=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || die "$what: see the logs in $dir"
        sleep 0.1
    done
}

nodes_are_up() {
    [[ $(sinfo --noheader --Node --partition=main --format=%T | grep -cE '^(idle|mixed|allocated)$') == 2 ]]
}

start() {
    local daemon
    install_slurm
    mkdir -p "$dir/state"
    if [[ ! -e $SLURM_CONF ]]; then
        head -c 1024 /dev/urandom >"$dir/munge.key"
        chmod 600 "$dir/munge.key"
        write_conf
    fi
    for daemon in "${daemons[@]}"; do
        pid_of "$daemon" >/dev/null || start_daemon "$daemon" ||
            die "$daemon does not start: see the logs in $dir"
        wait_for 10 "$daemon does not stay" pid_of "$daemon"
    done
    wait_for 30 "the nodes do not come up" nodes_are_up
    echo "export SLURM_CONF=$SLURM_CONF"
}

job_keepers() { # prints the processes of slurmstepd that our nodes started
    local folder
    for folder in /proc/[0-9]*; do
        ! is_ours "${folder#/proc/}" slurmstepd || echo "${folder#/proc/}"
    done
}

queue_is_empty() {
    [[ -z $(squeue --noheader) ]]
}

end_process() { # process, its program; killed, since saving takes seconds and nothing is kept
    local k
    kill -KILL "$1" 2>/dev/null || true
    for ((k = 0; k < 50; k++)); do
        is_ours "$1" "$2" || break
        sleep 0.1
    done
}

stop() {
    local k pid
    if pid_of slurmctld >/dev/null && pid_of munged >/dev/null; then
        timeout 10 scancel --user="$(id -un)" || true
        for ((k = 0; k < 100; k++)); do
            ! queue_is_empty || break
            sleep 0.1
        done
    fi
    for ((k = ${#daemons[@]} - 1; k >= 0; k--)); do
        ! pid=$(pid_of "${daemons[k]}") || end_process "$pid" "${daemons[k]%%.*}"
    done
    for pid in $(job_keepers); do
        end_process "$pid" slurmstepd
    done
    [[ ! -e $SLURM_CONF ]] || rm -rf -- "$dir"
}

status() {
    local daemon pid dead=0
    for daemon in "${daemons[@]}"; do
        if pid=$(pid_of "$daemon"); then
            echo "$daemon: process $pid"
        else
            echo "$daemon: not running"
            dead=1
        fi
    done
    ((dead == 0)) || return 1
    sinfo
    squeue
    echo "export SLURM_CONF=$SLURM_CONF"
}

case ${1:-} in
    start | stop | status) "$1" ;;
    -h | --help) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" ;;
    *) die "give start, stop or status" ;;
esac
