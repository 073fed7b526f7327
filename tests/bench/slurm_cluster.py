"""A real Slurm with one node on this machine, for the tests that need one."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol", "scancel")

CONFIG = """
ClusterName=test
SlurmctldHost=localhost(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CredType=cred/munge
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
KillWait=2
MinJobAge=300
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
NodeName=localhost NodeAddr=127.0.0.1 NodeHostname={host} CPUs={cores} State=UNKNOWN
PartitionName=test Nodes=localhost Default=YES MaxTime=INFINITE State=UP PriorityTier=1
PartitionName=urgent Nodes=localhost MaxTime=INFINITE State=UP PriorityTier=10
"""


def missing() -> list[str]:
    """What a cluster would need and this machine has not."""
    # Debian keeps the daemons where only root's path leads.
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    absent = [name for name in PROGRAMS if shutil.which(name, path=path) is None]
    return absent if os.geteuid() == 0 else ["to be root", *absent]


@contextmanager
def cluster(folder: Path) -> Iterator[dict[str, str]]:
    """Start munged, slurmctld and slurmd, and yield the environment under which Slurm is found."""
    processes: list[subprocess.Popen[bytes]] = []
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    config = folder / "slurm.conf"
    environment = {"SLURM_CONF": str(config), "PATH": path}
    for name in ("munge", "state", "spool"):
        (folder / name).mkdir(parents=True)
    values = {"folder": folder, "ports": _free_ports(2), "host": socket.gethostname()}
    config.write_text(CONFIG.format(**values, cores=os.cpu_count()))
    try:
        processes.append(_munge(folder / "munge", environment))
        for daemon in ("slurmctld", "slurmd"):
            words = [shutil.which(daemon, path=path), "-D", "-f", str(config)]
            with (folder / f"{daemon}.out").open("wb") as out:
                processes.append(
                    subprocess.Popen(
                        words, stdout=out, stderr=out, env={**os.environ, **environment}
                    )
                )
        _wait_until_idle(folder, environment)
        yield environment
    finally:
        _end_jobs(environment)
        for process in reversed(processes):
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _munge(folder: Path, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    user = pwd.getpwnam("munge")
    key = folder / "key"
    key.write_bytes(secrets.token_bytes(128))
    for path, mode in ((folder, 0o755), (key, 0o400)):
        os.chown(path, user.pw_uid, user.pw_gid)
        path.chmod(mode)
    options = {"socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    words = [shutil.which("munged", path=environment["PATH"]), "--foreground", "--force"]
    words += [f"--key-file={key}", *(f"--{name}={folder / file}" for name, file in options.items())]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(
            words, user=user.pw_uid, group=user.pw_gid, stdout=out, stderr=out
        )
    until = time.monotonic() + 20
    while not (folder / "socket").exists() and time.monotonic() < until:
        time.sleep(0.05)
    return process


def _wait_until_idle(folder: Path, environment: dict[str, str]) -> None:
    until = time.monotonic() + 60
    told = ""
    while time.monotonic() < until:
        words = ["sinfo", "--noheader", "--format=%t", "--partition=test"]
        found = subprocess.run(
            words, capture_output=True, text=True, env={**os.environ, **environment}
        )
        told = found.stdout + found.stderr
        if found.stdout.strip() == "idle":
            return
        time.sleep(0.2)
    logs = [path.read_text(errors="replace")[-2000:] for path in sorted(folder.glob("*.log"))]
    raise RuntimeError("\n".join(["Slurm did not start", told, *logs]))


def _end_jobs(environment: dict[str, str]) -> None:
    subprocess.run(
        ["scancel", "--user=root", "--full"],
        env={**os.environ, **environment},
        capture_output=True,
        timeout=30,
    )
    time.sleep(0.5)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
