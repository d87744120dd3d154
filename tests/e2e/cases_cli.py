"""kubectl-modelrun against the node, with the exit codes that docs/cli.md promises."""

import contextlib
import json
import os
import pty
import select
import shutil
import subprocess
import tempfile
import time

from cases_lifecycle import pod_log
from cluster import JOBS, PODS, ROOT, RUNS, wait_for
from harness import Skip, case, same

PROGRAMS = os.path.join(ROOT, "build", "release", "bin")
# Where hack/cluster puts it.
KUBECTL = os.path.join(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")), "modelrun", "bin", "kubectl")

FILES = {
    "run.py": "import sys\nprint('to stdout')\nprint('to stderr', file=sys.stderr)\nresult = {'total': 7}\n",
    "model/three.py": "import sys\nprint('no data', file=sys.stderr)\nsys.exit(3)\n",
    "model/slow.py": "import time\nprint('begun', flush=True)\ntime.sleep(600)\n",
}


def environment_of(space):
    """In which kubectl and our programs find the cluster, and kubectl our programs."""
    return {**os.environ, "KUBECONFIG": space.cluster.kubeconfig, "PATH": PROGRAMS + ":" + os.environ["PATH"]}


def modelrun(space, *arguments, code=0, program=(os.path.join(PROGRAMS, "kubectl-modelrun"),)):
    """Runs it in the case's namespace; gives stdout and stderr after a look at its exit code."""
    environment = environment_of(space)
    command = [*program, *arguments, "-n", space.name]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=180)
    assert done.returncode == code, f"{' '.join(arguments)}: exit {done.returncode}, not {code}: {done.stdout}{done.stderr}"
    return done.stdout, done.stderr


def manifest(folder, name, **spec):
    path = os.path.join(folder, f"{name}.json")
    body = {"apiVersion": "modelrun.dev/v1alpha1", "kind": "ModelRun", "metadata": {"name": name}, "spec": {"project": "models", **spec}}
    with open(path, "w", encoding="utf-8") as out:
        json.dump(body, out)
    return path


@case
def cli_runs_a_file_and_ends_as_the_model_does(space):
    space.project(files=FILES)
    with tempfile.TemporaryDirectory() as folder:
        out, err = modelrun(space, "run", "-f", manifest(folder, "good", scope="project"), "--wait", "--follow")
        assert "to stdout" in out and "Succeeded" in out and "created in namespace" in err, (out, err)
        out, err = modelrun(space, "run", "-f", manifest(folder, "bad", scope="model", modelName="three"), code=3)
        assert "NonZeroExit" in out and "no data" in err, (out, err)
        late = manifest(folder, "late", scope="model", modelName="slow", timeoutSeconds=1)
        out, err = modelrun(space, "run", "-f", late, code=124)
        assert "TimedOut" in out, out
        modelrun(space, "run", "-f", os.path.join(folder, "absent.json"), code=1)
        modelrun(space, "run", "models", "-f", late, code=1)
    out, _ = modelrun(space, "run", "models", "-o", "outputs")
    same(json.loads(out), {"total": 7})
    modelrun(space, "run", "models", "--model", "nowhere", code=1)
    modelrun(space, "run", "--no-such-flag", code=2)


@case
def cli_compares_two_runs(space):
    space.project(files={"run.py": "import json\np = json.load(open('/inputs/parameters.json'))\n"
                                   "result = {'value': 100 * (1 + p['growth']), 'years': [1, 2], 'name': 'n'}\n"})
    space.run("low", parameters={"growth": 0.25})
    space.run("high", parameters={"growth": 0.5})
    for name in ("low", "high"):
        space.finish(name)
    out, _ = modelrun(space, "compare", "low", "high")
    lines = [line.split() for line in out.splitlines()]
    assert ["parameter", "/growth", "0.25", "0.5"] in lines, out
    assert ["/value", "125", "150", "25", "+20.00%", "*"] in lines or ["/value", "125.0", "150.0", "25", "+20.00%", "*"] in lines, out
    assert "1 of 4 values differ, 1 of them significantly" in out, out
    told = json.loads(modelrun(space, "compare", "low", "high", "-o", "json")[0])
    same(told["summary"], {"equal": 3, "changed": 1, "significant": 1, "more": False})
    modelrun(space, "compare", "low", "absent", code=1)


@case
def cli_tries_without_the_cluster_what_a_run_computes(space):
    """The same outputs, byte for byte."""
    files = {"run.py": "import json\nPIPELINE = ['a']\nresult = {'p': json.load(open('/inputs/parameters.json')), 'third': 1 / 3}\n",
             "model/a.py": "result = {'text': '\u00e4 \u2192', 'large': 1e300, 'small': -0.0, 'whole': [75.0, 1e16, -1e18, 1e19, 1e21], 'list': [None, True, 2**53]}\nopen('/outputs/b.json', 'w').write('[1.10, 2]')\n"}
    space.project(files=files)
    pairs = ["--param", "growth=0.08", "--param", "years=5"]
    ran, _ = modelrun(space, "run", "models", *pairs, "-o", "outputs")
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "model"))
        for name, text in files.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        tried, _ = modelrun(space, "try", folder, *pairs, "-o", "outputs")
    same(tried, ran)


@case
def cli_waits_shows_and_cancels(space):
    space.project(files=FILES)
    # By way of kubectl, which finds the program in PATH.
    out, _ = modelrun(space, "modelrun", "run", "models", "--model", "slow", "--no-wait", "-o", "name", program=(KUBECTL,))
    slow = out.strip()
    assert slow.startswith("modelrun.modelrun.dev/models-"), out
    name = slow.partition("/")[2]
    _, err = modelrun(space, "wait", slow, "--timeout", "1", code=1)
    assert "goes on" in err, err
    space.wait_phase(name, ("Running",))
    wait_for(lambda: "begun" in pod_log(space), 20, "the API server gives the pod's log")
    same(modelrun(space, "logs", name)[0], "begun\n")
    out, _ = modelrun(space, "logs", name, "--since", "1h", "--timestamps")
    time, _, text = out.partition(" ")
    assert time.endswith("Z") and time.startswith("20") and text == "begun\n", out
    out, _ = modelrun(space, "get", "--phase", "Running")
    assert name in out, out
    modelrun(space, "cancel", name)
    out, _ = modelrun(space, "wait", slow, code=130)
    assert "Cancelled" in out, out
    out, _ = modelrun(space, "get", name, "-o", "json")
    same(json.loads(out)["status"]["phase"], "Cancelled")
    modelrun(space, "get", "absent", code=1)
    modelrun(space, "wait", "absent", code=1)
    modelrun(space, "logs", "absent", code=1)


@case
def cli_shows_logs_with_and_without_the_pod(space):
    space.project(files=FILES, history={"podSeconds": 3600})
    space.run("r")
    space.finish("r")
    modelrun(space, "wait", "r")
    wait_for(lambda: "to stdout" in pod_log(space), 20, "the API server gives the pod's log")
    same(sorted(modelrun(space, "logs", "r")[0].splitlines()), ["to stderr", "to stdout"])
    same(modelrun(space, "logs", "r", "--stderr")[0], "to stderr\n")
    space.delete(PODS.format(space.name) + "/" + space.status("r")["podName"])
    wait_for(lambda: not space.items(PODS), 60, "the pod is gone")
    same(modelrun(space, "logs", "r"), ("to stdout\n", "to stderr\n"))
    same(modelrun(space, "logs", "r", "--stdout")[0], "to stdout\n")
    _, err = modelrun(space, "logs", "r", "--timestamps", code=1)
    assert "has no times" in err, err
    same(json.loads(modelrun(space, "output", "r", "total")[0]), 7)


@case
def cli_describes_a_run_that_waits_and_one_that_is_over(space):
    space.project(files=FILES, runtime={"image": "registry.invalid/none:1", "imagePullPolicy": "IfNotPresent"})
    modelrun(space, "run", "models", "--name", "waits", "--param", "growth=0.08", "--no-wait")
    wait_for(lambda: "Failed to pull" in modelrun(space, "describe", "waits")[0], 60, "the pod's events are shown")
    out, _ = modelrun(space, "describe", "waits")
    for text in ('"growth": 0.08', "Phase:        Pending", "Timeline:", "Conditions:", "Job:", "Events:"):
        assert text in out, (text, out)
    modelrun(space, "cancel", "waits")
    modelrun(space, "wait", "waits", code=130)
    out, _ = modelrun(space, "describe", "waits")
    assert "Phase:        Cancelled" in out and "What to do:" in out, out


@case
def cli_completes_names_for_bash_and_for_kubectl(space):
    space.project(files=FILES)
    modelrun(space, "run", "models", "--name", "done-1")
    environment = environment_of(space)
    with tempfile.TemporaryDirectory() as folder:
        plugin = os.path.join(folder, "kubectl_complete-modelrun")
        with open(plugin, "w", encoding="utf-8") as file:
            file.write(modelrun(space, "completion", "kubectl")[0])
        os.chmod(plugin, 0o755)
        environment["PATH"] = folder + ":" + environment["PATH"]
        asked = [KUBECTL, "__complete", "modelrun", "get", "-n", space.name, ""]
        told = subprocess.run(asked, env=environment, capture_output=True, text=True, check=True, timeout=60).stdout
        same(told.split(), ["done-1", ":4"])
    script = """source <(kubectl-modelrun completion bash)
COMP_WORDS=(kubectl-modelrun logs -n "$1" d); COMP_CWORD=4; _kubectl_modelrun; printf '%s\\n' "${COMPREPLY[@]}"
COMP_WORDS=(kubectl-modelrun desc); COMP_CWORD=1; _kubectl_modelrun; printf '%s\\n' "${COMPREPLY[@]}"
"""
    told = subprocess.run(["bash", "-euc", script, "bash", space.name], env=environment, capture_output=True, text=True, check=True, timeout=60)
    same(told.stdout.split(), ["done-1", "describe"])


class Zsh:
    """An interactive zsh with our completion."""

    def __init__(self, environment):
        self.shell, self.terminal = pty.fork()
        if self.shell == 0:
            try:
                os.execvpe("zsh", ["zsh", "-f", "-i"], {**environment, "TERM": "dumb"})
            finally:
                os._exit(127)

    def begin(self):
        self.type("autoload -Uz compinit && compinit -u -D && source <(kubectl-modelrun completion zsh)\n", "")
        # What is on the screen is redrawn in parts; this key shows the whole line.
        self.type("show() { print -r -- \"<$BUFFER>\" }; zle -N show; bindkey ^T show; echo rea''dy\n", "ready")

    def type(self, keys, answer):
        """Waits until the answer is on the screen."""
        os.write(self.terminal, keys.encode())
        shown, end = b"", time.monotonic() + 60
        while answer.encode() not in shown:
            readable, _, _ = select.select([self.terminal], [], [], max(end - time.monotonic(), 0))
            assert readable, f"no {answer!r} after {keys!r}, but {shown!r}"
            shown += os.read(self.terminal, 4096)

    def close(self):
        os.close(self.terminal)
        os.waitpid(self.shell, 0)


@case
def cli_completes_in_fish_and_zsh(space):
    subprocess.run([os.path.join(ROOT, "hack", "install-deps"), "shells"], capture_output=True, check=False)
    if not shutil.which("fish") or not shutil.which("zsh"):
        raise Skip("fish and zsh cannot be installed here")
    space.project(files=FILES)
    modelrun(space, "run", "models", "--name", "done-1")
    environment = environment_of(space)
    lines = {"desc": "describe", f"logs -n {space.name} d": "done-1", "get --all-n": "--all-namespaces", "run --params /etc/hostn": "/etc/hostname"}
    for line, word in lines.items():
        script = 'kubectl-modelrun completion fish | source; complete -C "kubectl-modelrun $argv"'
        told = subprocess.run(["fish", "--no-config", "-c", script, line], env=environment, capture_output=True, text=True, check=True, timeout=60)
        same([each.split("\t")[0] for each in told.stdout.splitlines()], [word])
    with contextlib.closing(Zsh(environment)) as zsh:
        zsh.begin()
        for line, word in lines.items():
            whole = line[: line.rfind(" ") + 1] + word
            zsh.type(f"\x15kubectl-modelrun {line}\t\x14", f"<kubectl-modelrun {whole} >")


@case
def cli_refuses_numbers_that_no_cluster_keeps(space):
    space.project(files=FILES)
    for number in ("1e400", "123456789012345678901234567890"):
        _, err = modelrun(space, "run", "models", "--param", f"key={number}", code=1)
        assert "--param key" in err, err
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "parameters.json")
            with open(path, "w", encoding="utf-8") as file:
                file.write(f'{{"deep": {{"key": {number}}}}}')
            _, err = modelrun(space, "run", "models", "--params", path, code=1)
            assert "/deep/key" in err, err
    same(space.items(RUNS), [])


@case
def nulls_in_parameters_stay_but_for_a_client_side_apply(space):
    """As docs/cli.md says. And keys that YAML 1.1 takes for no text are read as kubectl reads them."""
    space.project(files={"run.py": "result = {'text': open('/inputs/parameters.json').read()}\n"})
    environment = environment_of(space)
    body = """apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata: {name: NAME}
spec:
  project: models
  scope: project
  parameters: {a: null, list: [null, 1], deep: {b: ~}, on: 1, 017: 2}
"""
    with tempfile.TemporaryDirectory() as folder:
        for name, command in {"created": ["create"], "applied": ["apply"], "server-side": ["apply", "--server-side"], "ours": []}.items():
            path = os.path.join(folder, name + ".yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(body.replace("NAME", name))
            if command:
                subprocess.run([KUBECTL, *command, "-n", space.name, "-f", path], env=environment, capture_output=True, text=True, check=True, timeout=60)
            else:
                modelrun(space, "run", "-f", path)
    wanted = {"a": None, "list": [None, 1], "deep": {"b": None}, "true": 1, "15": 2}
    for name in ("created", "server-side", "ours"):
        same((name, json.loads(space.finish(name)["outputs"]["text"])), (name, wanted))
    same(json.loads(space.finish("applied")["outputs"]["text"]), {"list": [None, 1], "deep": {}, "true": 1, "15": 2})


@case
def numbers_that_kubectl_changes_are_warned_of(space):
    """kubectl rounds a whole number beyond 64 bits, and takes a number that no double holds for text, before anybody sees it."""
    space.project(files={"run.py": "result = {'text': open('/inputs/parameters.json').read()}\n"})
    environment = environment_of(space)
    for name, number, told in (("rounded", "123456789012345678901234567890", "/deep/key has 1.2345678901234568e+29"),
                               ("text", "1e400", '/deep/key is the text "1e400"')):
        body = f"""apiVersion: modelrun.dev/v1alpha1
kind: ModelRun
metadata: {{name: {name}}}
spec:
  project: models
  scope: project
  parameters:
    deep:
      key: {number}
      exact: -9223372036854775808
      quoted: "{number}"
"""
        subprocess.run([KUBECTL, "apply", "-n", space.name, "-f", "-"], input=body, env=environment, capture_output=True, text=True, check=True, timeout=60)
        space.finish(name)
        status = space.status(name)
        assert told in status.get("warning", ""), status
        given = json.loads(status["outputs"]["text"])
        same((given["deep"]["exact"], given["deep"]["quoted"]), (-9223372036854775808, number))


@case
def pods_have_the_labels_of_their_project_and_not_those_of_their_run(space):
    labels, annotations = {"cost-center": "17"}, {"sidecar.istio.io/inject": "false"}
    space.project(files=FILES, runtime={"podLabels": labels, "podAnnotations": annotations})
    modelrun(space, "run", "models", "--name", "labelled", "--label", "team=risk")
    for kind in (JOBS, PODS):
        (item,) = space.items(kind)
        metadata = item["metadata"]
        assert metadata["labels"]["cost-center"] == "17" and metadata["annotations"]["sidecar.istio.io/inject"] == "false", metadata
        assert "team" not in metadata["labels"], "the operator was not told to pass it on"
