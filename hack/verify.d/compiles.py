"""Compiles the Python files named, without running them or leaving anything behind; a warning counts as an error."""
import sys
import warnings

warnings.simplefilter("error")
FAILED = False
for path in sys.argv[1:]:
    try:
        with open(path, encoding="utf-8") as file:
            compile(file.read(), path, "exec")
    except (SyntaxError, SyntaxWarning, DeprecationWarning, ValueError) as error:
        print(f"{path}: {error}")
        FAILED = True
sys.exit(FAILED)
