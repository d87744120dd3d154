"""A model that finds bad input and exits with code 3. The run ends as Failed, with reason NonZeroExit and exitCode 3."""
import sys

print("reading the ledger")
print("ledger does not add up: 12 entries are missing", file=sys.stderr)
sys.exit(3)
