"""The table "Attacks" of docs/security.md, and whether the tests that it names exist."""
import glob
import os
import re

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
HEADER = "| attack | what stops it | tests |"


def found(pattern, expression):
    """{name: file} of the tests that `expression` matches; a name of two groups is joined by a dot."""
    tests = {}
    for path in glob.glob(os.path.join(ROOT, pattern), recursive=True):
        with open(path) as f:
            for match in re.finditer(expression, f.read(), re.M):
                tests[".".join(match.groups())] = os.path.relpath(path, ROOT)
    return tests


def all_tests():
    tests = {}
    for folder in ("unit", "faults"):
        tests |= found(f"tests/{folder}/**/*.cc", r"^TEST(?:_F|_P)?\((\w+), (\w+)\)")
    tests |= found("tests/sandbox/*_test.py", r"^    def (test_\w+)\(self\)")
    for suite in ("e2e", "gateway"):
        tests |= found("tests/%s/cases_*.py" % suite, r"^@case.*\ndef (\w+)\(")
    tests |= found("tests/neighbours/attacks_*.py", r"^@attack.*\ndef (\w+)\(")
    tests |= {os.path.basename(path): os.path.relpath(path, ROOT) for path in glob.glob(ROOT + "/tests/e2e/manifests/invalid/*.yaml")}
    return tests


def rows():
    """[(attack, what stops it, [test])]"""
    with open(os.path.join(ROOT, "docs/security.md")) as f:
        lines = f.read().split(HEADER + "\n", 1)[1].splitlines()
    table = []
    for line in lines[1:]:
        if not line.startswith("|"):
            break
        attack, stopped_by, tests = (cell.strip() for cell in line.strip("|").split(" | "))
        table.append((attack, stopped_by, re.findall(r"`([^`]+)`", tests)))
    return table


def list_attacks():
    """Prints the table with the file of each test. False when one does not exist, or a row has none."""
    tests = all_tests()
    complete = True
    table = rows()
    for attack, stopped_by, names in table:
        print("%s\n  %s" % (attack, stopped_by))
        for name in names or ["(no test)"]:
            complete = complete and name in tests
            print("  %s %s" % (name, tests.get(name, "DOES NOT EXIST")))
    print("%d attacks" % len(table))
    return complete and bool(table)
