"""Run a command as in a container of 1.5 GB that its Ray workers alone fill, whatever else this machine is doing.

    unshare --map-root-user --mount python small_machine.py FOLDER NODES WORD...

Ray finds its limit and what is used where a container has these, in /sys/fs/cgroup. Here that is a folder in which this
process writes, twenty times a second, how much memory the workers really hold. Where NODES are asked for, a cluster of
a head and so many more is begun, and its address takes the place of the word ADDRESS. Ends as the command does.
"""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

LIMIT = 1500 << 20


def marked(mark):
    """Processes that have a mark in their environment."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def left(mark, seconds=60):
    """Marked processes that are still there after so long: the system takes a moment to end what was killed."""
    end = time.monotonic() + seconds
    while (found := marked(mark)) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def held(process):
    """Bytes of memory that a process alone holds, if it is a worker of Ray."""
    place = Path("/proc") / str(process)
    try:
        if not (place / "cmdline").read_bytes().startswith(b"ray::"):
            return 0
        lines = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines())
        return 1024 * int(lines["RssAnon"].split()[0])
    except (OSError, KeyError):  # it has ended
        return 0


def account(folder, ends):
    while not ends.wait(0.05):
        (folder / "next").write_text(str(sum(map(held, marked(os.environ["MARK"])))))
        os.replace(folder / "next", folder / "memory.current")  # who reads it finds a number at any time


def main(folder, nodes, *words):
    folder = Path(folder)
    (folder / "memory.max").write_text(str(LIMIT))
    (folder / "memory.current").write_text("0")
    (folder / "memory.stat").write_text("inactive_file 0\nactive_file 0\n")
    subprocess.run(["mount", "--bind", folder, "/sys/fs/cgroup"], check=True)
    ends = threading.Event()
    threading.Thread(target=account, args=(folder, ends), daemon=True).start()
    cluster = None
    if int(nodes):
        from ray.cluster_utils import Cluster

        small = {"object_store_memory": 80 << 20}
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, **small})
        for _ in range(int(nodes)):
            cluster.add_node(num_cpus=1, **small)
        words = [cluster.address if word == "ADDRESS" else word for word in words]
    try:
        return subprocess.run(words).returncode
    finally:
        if cluster is not None:
            cluster.shutdown()
        ends.set()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
