"""The two systems that bench/scale compares, as processes: modelrun-operator with its modelrun-source, and the Go peer."""

import os
import re
import shutil
import subprocess
import tempfile
import urllib.request

from plane import ROOT, Failed, Process, free_port, wait_for

IMAGES = ["--agent-image=localhost/modelrun-agent:dev", "--default-image=localhost/modelrun-python:dev"]
SYSTEM = "modelrun-system"


class Git:
    """A repository with one model, served over HTTP on loopback."""

    def __init__(self, plane):
        root = f"{plane.folder}/git"
        work = f"{root}/models.work"
        os.makedirs(work)
        with open(f"{work}/run.py", "w", encoding="utf-8") as file:
            file.write("result = {'answer': 42}\n")
        for command in (["init", "-q", "-b", "main"], ["add", "."], ["-c", "user.name=bench", "-c", "user.email=bench@example.com", "commit", "-qm", "A model"],
                        ["clone", "-q", "--bare", work, f"{root}/models.git"]):
            subprocess.run(["git", "-C", work, *command], check=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/models.git"
        plane.parts["git"] = Process("git", ["python3", f"{ROOT}/hack/gitserver.py", root, "127.0.0.1", str(self.port)], plane.log("git"))


class System:
    """Running between start() and end()."""

    def __init__(self, plane):
        self.plane = plane
        self.processes = []
        self.folder = None
        self.metrics_port = 0

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.end()

    def start(self):
        self.folder = tempfile.mkdtemp(prefix="system-", dir=self.plane.folder)
        self.metrics_port = free_port()
        self.run_server = f"127.0.0.1:{free_port()}"
        # So that the start is not one that waits for the lease of the one before.
        leases = f"/apis/coordination.k8s.io/v1/namespaces/{SYSTEM}/leases"
        for lease in self.plane.api.request("GET", leases)["items"]:
            self.plane.api.request("DELETE", f"{leases}/{lease['metadata']['name']}")
        self.launch()

    def add(self, name, command):
        process = Process(name, command, self.plane.log(name), cwd=self.folder)
        self.processes.append(process)
        return process

    def end(self):
        for process in reversed(self.processes):
            process.end()
        self.processes = []
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def cpu(self):
        return sum(process.cpu() for process in self.processes)

    def check(self):
        for process in self.processes:
            process.check()

    def memory(self):
        """Resident bytes of the program that reconciles, and the most that there were."""
        return self.processes[-1].memory()

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics_port}/metrics", timeout=10) as answer:
            return answer.read().decode()

    def leads(self):
        self.check()
        return re.search(self.leading, self.metrics(), re.MULTILINE) is not None

    def wait_leading(self, seconds=300):
        wait_for(f"{self.name} to lead", seconds, self.leads)


class Operator(System):
    name = "modelrun"
    leading = r"^modelrun_leader(\{\})? 1"

    def __init__(self, plane, workers=None):
        super().__init__(plane)
        self.workers = [f"--workers={workers}"] if workers else []
        self.programs = f"{ROOT}/build/release/bin"
        if not os.path.exists(f"{self.programs}/modelrun-operator"):
            raise Failed("there is no build/release/bin/modelrun-operator: run hack/build release modelrun-operator modelrun-source")

    def launch(self):
        socket = f"{self.folder}/source"
        self.add("modelrun-source", [f"{self.programs}/modelrun-source", f"--socket={socket}", f"--scratch={self.folder}/scratch"])
        self.add("modelrun-operator", [
            f"{self.programs}/modelrun-operator", f"--kubeconfig={self.plane.kubeconfig}", f"--namespace={SYSTEM}", "--leader-elect", *IMAGES,
            f"--run-server-listen={self.run_server}", f"--run-server-advertise={self.run_server}", f"--http-listen=127.0.0.1:{self.metrics_port}",
            f"--source-cache={self.folder}/cache", f"--source-socket={socket}", "--allow-http-git", "--allow-private-addresses", "--landlock=optional",
            *self.workers])


class Peer(System):
    name = "peer"
    leading = r'^leader_election_master_status\{name="modelrun-peer"\} 1'

    def launch(self):
        self.add("peer", [f"{self.plane.programs}/peer", f"-kubeconfig={self.plane.kubeconfig}", f"-namespace={SYSTEM}",
                          *(flag[1:] for flag in IMAGES), f"-run-server-listen={self.run_server}", f"-run-server-advertise={self.run_server}",
                          f"-metrics-listen=127.0.0.1:{self.metrics_port}", f"-source-cache={self.folder}"])


class Direct(System):
    """Nobody: load makes the writes itself. That is the API server's ceiling."""

    name = "ceiling"

    def launch(self):
        pass

    def wait_leading(self, seconds=0):
        pass

    def memory(self):
        return 0, 0


def settle(plane, seconds=60):
    """Waits until the Jobs and pods of what was done before are gone; those of a system that has left some are not waited for longer."""
    def gone():
        plane.check()
        return plane.api.count("/apis/batch/v1/jobs") == 0 and plane.api.count("/api/v1/pods") == 0
    try:
        wait_for("Jobs and pods to go", seconds, gone)
    except Failed as left:
        print(f"  {left}: they are still there", flush=True)
