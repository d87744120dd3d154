"""The program that answers for the library (probe.cc): a question and an answer a line."""
import json
import subprocess


class Probe:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, **question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, f"the probe ended at {json.dumps(question)[:500]}"
        return json.loads(line)

    def points(self, space, parameters=""):
        answer = self.ask(space=space if isinstance(space, str) else json.dumps(space), parameters=parameters)
        assert "error" not in answer, answer["error"]
        return answer["points"]
