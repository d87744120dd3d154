#!/usr/bin/env python3
"""Counts a JUnit file of ctest: "PASSED FAILED SKIPPED", then a line for each test that failed or was skipped."""
import re
import sys
import xml.etree.ElementTree


def outcome(case):
    if case.find("failure") is not None or case.get("status") == "fail":
        return "FAIL"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skip"
    return "ok"


def reason(case):
    """What GTEST_SKIP() was given: the line above "[  SKIPPED ]", else what ctest says."""
    text = case.findtext("system-out") or ""
    match = re.search(r": Skipped\n(.*?)\n+\[  SKIPPED \]", text, re.DOTALL)
    skipped = case.find("skipped")
    said = skipped.get("message", "") if skipped is not None else ""
    return " ".join((match.group(1) if match else said or "no reason given").split())


def main(path):
    cases = list(xml.etree.ElementTree.parse(path).getroot().iter("testcase"))
    outcomes = [outcome(case) for case in cases]
    print(outcomes.count("ok"), outcomes.count("FAIL"), outcomes.count("skip"))
    for case, word in zip(cases, outcomes):
        if word == "FAIL":
            print(f"FAIL {case.get('name')}")
        elif word == "skip":
            print(f"skip {case.get('name')}: {reason(case)}")


if __name__ == "__main__":
    main(sys.argv[1])
