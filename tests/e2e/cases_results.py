"""How a model ends, and what is kept of it."""

import base64
import gzip
import hashlib
import json

from cluster import CONFIG_MAPS, reason_of
from harness import case


def payload_of(space, status):
    """The full result frame behind status.resultRef, its digest checked."""
    ref = status["resultRef"]
    parts = []
    for name in ref["configMaps"]:
        parts.append(space.get(CONFIG_MAPS.format(space.name) + "/" + name)["binaryData"]["result.json.gz"])
    text = gzip.decompress(b"".join(base64.b64decode(part) for part in parts))
    assert hashlib.sha256(text).hexdigest() == ref["sha256"], "the payload's digest"
    assert len(text) == ref["bytes"]
    return json.loads(text)


def run_model(space, source, seconds=60, project=None, **spec):
    space.project(files={"model/m.py": source, "run.py": ""}, **(project or {}))
    space.run("r", modelName="m", **spec)
    return space.finish("r", seconds)


def expect(status, phase, reason, exit_code=None):
    found = (status["phase"], reason_of(status), status.get("exitCode"))
    assert found == (phase, reason, exit_code), f"{found}: {status.get('message')}: {status.get('stderr', '')[-500:]}"


@case
def model_with_parameters(space):
    source = (
        "import json, os, sys\n"
        "p = json.load(open('/inputs/parameters.json'))\n"
        "print('rate', p['rate']); print('careful', file=sys.stderr)\n"
        "result = {'value': 100 * (1 + p['rate']), 'nested': p['nested'], 'run': os.environ['MODELRUN_RUN_ID']}\n"
    )
    status = run_model(space, source, parameters={"rate": 0.08, "nested": {"a": [1, None, "x"]}})
    expect(status, "Succeeded", "Succeeded", 0)
    assert status["outputs"]["value"] == 108, status["outputs"]
    assert status["outputs"]["nested"] == {"a": [1, None, "x"]}
    assert status["outputs"]["run"] == status["runID"]
    assert (status["stdout"], status["stderr"]) == ("rate 0.08\n", "careful\n")
    assert status["runNumber"] == 1 and len(status["commitSHA"]) == 40 and status["attempts"] == 1
    assert status["branch"] == "main" and status["durationSeconds"] > 0
    for moment in ("accepted", "resolved", "queued", "jobCreated", "started", "finished", "recorded"):
        assert moment in status["timeline"], moment
    assert status["provenance"]["outputsDigest"].startswith("sha256:")


@case
def empty_parameters_are_a_file_and_absent_ones_are_not(space):
    source = "import os, json\nresult = {'there': os.path.exists('/inputs/parameters.json')}\n"
    space.project(files={"model/m.py": source, "run.py": ""})
    space.run("none", modelName="m")
    space.run("empty", modelName="m", parameters={})
    assert space.finish("none")["outputs"] == {"there": False}
    assert space.finish("empty")["outputs"] == {"there": True}


@case
def pipeline(space):
    files = {
        "run.py": "PIPELINE = ['revenue', 'profit']\nprint('planning')\nresult = {'plan': 2}\n",
        "model/revenue.py": "result = {'total': 120}\n",
        "model/profit.py": (
            "import json\nup = json.load(open('/upstream/revenue/outputs.json'))\n"
            "json.dump({'margin': 0.5}, open('/outputs/margin.json', 'w'))\nresult = {'profit': up['total'] - 20}\n"
        ),
    }
    space.project(files=files)
    space.run("r")
    status = space.finish("r")
    expect(status, "Succeeded", "Succeeded", 0)
    outputs = status["outputs"]
    assert outputs["plan"] == 2 and outputs["revenue"] == {"total": 120}, outputs
    assert outputs["profit"]["profit"] == 100 and outputs["profit"]["margin"] == {"margin": 0.5}, outputs


@case
def pipeline_with_a_model_that_is_not_there(space):
    space.project(files={"run.py": "PIPELINE = ['revenue', 'profit']\nprint('planning')\n", "model/revenue.py": "print('no')\n"})
    space.run("r")
    status = space.finish("r")
    expect(status, "Failed", "EntryPointNotFound", 66)
    assert "profit" in status["message"] and status["stdout"] == "planning\n", "no model has run"


@case
def artifacts_and_files(space):
    source = (
        "import json\njson.dump([1, 2, 3], open('/outputs/series.json', 'w'))\n"
        "open('/outputs/report.csv', 'w').write('a,b\\n1,2\\n')\nresult = {'x': 1}\n"
    )
    status = run_model(space, source)
    expect(status, "Succeeded", "Succeeded", 0)
    assert status["outputs"] == {"series": [1, 2, 3], "x": 1}, status["outputs"]
    (artifact,) = status["artifacts"]
    assert artifact["name"] == "report.csv" and artifact["stored"] and artifact["size"] == 8, artifact
    frame = payload_of(space, status)
    (kept,) = frame["artifacts"]
    assert artifact["sha256"] == hashlib.sha256(b"a,b\n1,2\n").hexdigest()
    assert kept["name"] == "report.csv"


@case
def a_table_of_some_megabytes(space):
    """It does not fit into one ConfigMap, and is kept beside outputs of their full size."""
    source = (
        "import random\nrandom.seed(7)\nrows = ['%d,%.6f\\n' % (i, random.gauss(0, 1)) for i in range(220_000)]\n"
        "open('/outputs/table.csv', 'w').writelines(rows)\nresult = {'blob': 'y' * 1_000_000}\n"
    )
    status = run_model(space, source, seconds=90)
    expect(status, "Succeeded", "Succeeded", 0)
    (artifact,) = status["artifacts"]
    assert artifact["stored"] and artifact["size"] > 3_000_000, artifact
    assert "warning" not in status, status["warning"]
    (kept,) = payload_of(space, status)["artifacts"]
    contents = gzip.decompress(base64.b64decode(kept["gzip"]))
    assert hashlib.sha256(contents).hexdigest() == artifact["sha256"]


@case
def artifacts_that_are_lost_fail_the_run(space):
    source = (
        "import os\nopen('/outputs/small.bin', 'wb').write(os.urandom(1000))\n"
        "open('/outputs/large.bin', 'wb').write(os.urandom(200_000))\nresult = {'x': 1}\n"
    )
    status = run_model(space, source, project={"limits": {"artifactBytes": 100_000, "onArtifactLoss": "Fail"}})
    expect(status, "Failed", "ArtifactsLost", 0)
    assert "'large.bin'" in status["message"] and "limits.artifactBytes" in status["message"], status["message"]
    assert status["outputs"] == {"x": 1}, status
    assert {each["name"]: each["stored"] for each in status["artifacts"]} == {"small.bin": True, "large.bin": False}


@case
def artifacts_that_are_lost_fail_the_run_that_asks_for_it(space):
    source = "import os\nopen('/outputs/large.bin', 'wb').write(os.urandom(200_000))\nresult = {'x': 1}\n"
    space.project(files={"run.py": source}, limits={"artifactBytes": 100_000}, name="models")
    for name, spec, phase in (("fails", {"onArtifactLoss": "Fail"}, "Failed"), ("warns", {}, "Succeeded")):
        space.run(name, project="models", **spec)
        status = space.finish(name)
        assert status["phase"] == phase and "'large.bin'" in json.dumps([status["message"], status.get("warning")]), status


@case
def exits_with_three(space):
    status = run_model(space, "import sys\nprint('before')\nsys.exit(3)\n")
    expect(status, "Failed", "NonZeroExit", 3)
    assert status["stdout"] == "before\n"


@case
def syntax_error(space):
    status = run_model(space, "def broken(:\n")
    expect(status, "Failed", "NonZeroExit", 1)
    assert "SyntaxError" in status["stderr"] and "model/m.py" in status["stderr"], status["stderr"]


@case
def killed_by_a_signal(space):
    status = run_model(space, "import os, signal\nprint('x', flush=True)\nos.kill(os.getpid(), signal.SIGSEGV)\n")
    expect(status, "Failed", "Signaled", 139)
    assert status["stdout"] == "x\n"


@case
def out_of_memory(space):
    source = "print('growing', flush=True)\nkeep = []\nwhile True: keep.append(bytearray(8 << 20))\n"
    limits = {"runtime": {"resources": {"limits": {"memory": "128Mi"}, "requests": {"memory": "32Mi"}}}}
    status = run_model(space, source, project=limits)
    expect(status, "Failed", "OOMKilled", 137)
    assert status["stdout"] == "growing\n"


@case
def times_out_though_it_ignores_sigterm(space):
    source = (
        "import signal, subprocess, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "subprocess.Popen(['sleep', '1000'], start_new_session=True)\n"
        "print('deaf', flush=True)\nopen('/outputs/partial.json', 'w').write('{\"a\": 1}')\ntime.sleep(1000)\n"
    )
    status = run_model(space, source, timeoutSeconds=10)
    expect(status, "TimedOut", "Timeout", 137)
    assert status["stdout"] == "deaf\n" and status["outputs"] == {"partial": {"a": 1}}, status
    assert 14 < status["durationSeconds"] < 40, status["durationSeconds"]


@case
def fifty_megabytes_of_output(space):
    source = (
        "import sys\nsys.stdout.write('BEGIN\\n')\n"
        "for i in range(50): sys.stdout.write(('%06d ' % i + 'x' * 1017) * 1024 + '\\n')\nsys.stdout.write('END\\n')\n"
    )
    status = run_model(space, source, seconds=120)
    expect(status, "Succeeded", "Succeeded", 0)
    assert status["stdoutTruncated"] and status["truncated"]
    assert status["stdout"].startswith("BEGIN\n") and status["stdout"].endswith("END\n")
    assert len(status["stdout"]) < 10_000
    frame = payload_of(space, status)
    assert 200_000 < len(json.dumps(frame)) < 400_000, "256 KiB of the stream are kept"


@case
def a_mebibyte_of_outputs(space):
    size = (1 << 20) - 64
    status = run_model(space, f"result = {{'blob': 'y' * {size}}}\n", seconds=90)
    expect(status, "Succeeded", "Succeeded", 0)
    assert "outputs" not in status and status["truncated"]
    assert payload_of(space, status)["outputs"]["blob"] == "y" * size


@case
def outputs_over_the_limit(space):
    status = run_model(space, f"result = {{'blob': 'y' * {(1 << 20) + 1}}}\n", seconds=90)
    expect(status, "Failed", "OutputsTooLarge", 0)


@case
def outputs_that_are_not_json_numbers(space):
    status = run_model(space, "result = {'a': {'b': float('nan')}}\n")
    expect(status, "Failed", "OutputsInvalid", 0)
    assert "NaN" in status["message"], status["message"]


@case
def outputs_of_numpy_and_pandas(space):
    source = (
        "import numpy as np, pandas as pd\n"
        "result = {'mean': np.mean([1, 2, 3]), 'n': np.int64(7), 'series': np.arange(3),\n"
        "          'table': pd.DataFrame({'a': [1, 2], 'b': [0.5, 1.5]})}\n"
    )
    status = run_model(space, source, seconds=90)
    expect(status, "Succeeded", "Succeeded", 0)
    assert status["outputs"]["mean"] == 2 and status["outputs"]["n"] == 7 and status["outputs"]["series"] == [0, 1, 2]
