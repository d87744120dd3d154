"""A model that notices bad input and says so with its exit code. The run ends as Failed, reason NonZeroExit, exitCode 3."""
import sys

print("reading the ledger")
print("ledger does not add up: 12 entries are missing", file=sys.stderr)
sys.exit(3)
