"""What one tenant's models leave must not stop, restart or swell the operator that all share."""

from harness import case


@case
def neighbour_whose_error_has_two_megabytes(space):
    """Forged harness messages of any size and with control characters end the run with a sentence."""
    source = (
        "import json, os\nos.makedirs('/outputs/.modelrun', exist_ok=True)\n"
        "text = '\\x1b[2J\\r\\nforged line ' + 'x' * 2000000\n"
        "json.dump({'reason': 'OutputsInvalid', 'message': text}, open('/outputs/.modelrun/error.json', 'w'))\nos._exit(0)\n"
    )
    space.project(files={"run.py": source})
    space.run("r")
    status = space.finish("r", 120)
    assert status["phase"] == "Failed", status
    texts = [status["message"], status["error"]["message"], *(c["message"] for c in status["conditions"])]
    assert all(len(text) <= 2048 and text.isprintable() for text in texts), [text[:100] for text in texts]
