"""What models leave, print and use up."""

import os
import threading

from attack import attack
from cluster import reason_of, wait_for
from hostile import EMPTY_OBJECTS, LARGE_PARAMETERS, LONG_ERROR, MIB

SMALL = {"resources": {"limits": {"memory": "128Mi"}}}


@attack(short=True)
def results_of_a_million_empty_objects(attacker):
    attacker.project(files={"run.py": EMPTY_OBJECTS.format(count=340000)}, runtime=SMALL)
    ends = attacker.batch(14, seconds=120)
    assert all(end["phase"] == "Succeeded" and end["resultRef"]["bytes"] > 0.9 * MIB for end in ends), [reason_of(end) for end in ends]
    return "14 runs"


@attack
def error_of_two_megabytes(attacker):
    attacker.project(files={"run.py": LONG_ERROR})
    return f"{attacker.batches(4, lambda end: end['phase'] == 'Failed' and len(end['message']) <= 2048)} runs"


@attack
def a_hundred_runs_with_large_parameters(attacker):
    attacker.project(files={"run.py": "result = {'n': 1}\n"})
    for i in range(100):
        attacker.run(f"r{i}", suspend=True, parameters=LARGE_PARAMETERS)
    wait_for(lambda: attacker.status("r99").get("phase") == "Pending", 60, "the last one waits")
    attacker.go_on()
    return "100 runs"


@attack
def outputs_of_twelve_megabytes(attacker):
    source = "for name in 'abc':\n    open(f'/outputs/{name}.json', 'w').write('[' + '{},' * 1398000 + '{}]')\nprint('done')\n"
    attacker.project(files={"run.py": source}, runtime=SMALL)
    return f"{attacker.batches(4, lambda end: reason_of(end) == 'OutputsTooLarge')} runs"


# Terminals are counted for the whole node: without a limit, nobody there could open one any more.
TERMINALS = """
import os, time
opened, why = [], ''
for _ in range(8):
    if os.fork() == 0:
        try:
            while len(opened) < 3071:
                opened.append(os.open('/dev/ptmx', os.O_RDWR | os.O_NOCTTY))
        except OSError as error:
            why = f', then errno {error.errno}'
        print(f'opened {len(opened)}{why}', flush=True)
        time.sleep(8)
        os._exit(0)
for _ in range(8):
    os.wait()
"""


@attack
def terminals_opened_3071_times(attacker):
    attacker.project(files={"run.py": TERMINALS})
    failed, done = [], threading.Event()

    def others_open_one():
        while not done.wait(0.5):
            try:
                for end in os.openpty():
                    os.close(end)
            except OSError as error:
                failed.append(error)

    other = threading.Thread(target=others_open_one)
    other.start()
    try:
        count = attacker.batches(2, lambda end: end["phase"] == "Succeeded" and end["stdout"].count("opened") == 8)
    finally:
        done.set()
        other.join()
    assert not failed, f"others could not open a terminal {len(failed)} times: {failed[0]}"
    return f"{count} runs, 8 processes each"


@attack
def nine_megabytes_of_newlines(attacker):
    source = "import sys\nfor stream in (sys.stdout, sys.stderr):\n    stream.write('\\n' * 9_000_000)\n    stream.flush()\n"
    attacker.project(files={"run.py": source})
    return f"{attacker.batches(4, lambda end: end['phase'] == 'Succeeded' and end['stdoutTruncated'])} runs"


# They begin together: with some of them busy already, the others would hardly be made on so little time of a processor.
BUSY = """
import os, time
begin, let_go = os.pipe()
children = 0
try:
    while children < 250:
        if os.fork() == 0:
            os.close(let_go)
            os.read(begin, 1)
            while True:
                pass
        children += 1
except OSError:
    pass
print(f'{children} processes', flush=True)
os.close(let_go)
time.sleep(SECONDS)
os._exit(0)
"""


@attack
def processes_250_on_a_tenth_of_a_processor(attacker):
    source = BUSY.replace("SECONDS", str(attacker.seconds))
    attacker.project(files={"run.py": source}, runtime={"resources": {"limits": {"cpu": "100m", "memory": "512Mi"}}})
    attacker.run("busy", timeoutSeconds=int(attacker.seconds) + 60)
    attacker.wait_phase("busy", ("Running",), 60)
    attacker.go_on()
    attacker.patch_run("busy", cancel=True)
    end = attacker.finish("busy", 90)
    assert end["stdout"].startswith("2") and end["phase"] in ("Cancelled", "Succeeded"), end
    return f"{end['stdout'].split(' ', maxsplit=1)[0]} processes"
