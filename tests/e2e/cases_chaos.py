"""The short form of tests/e2e/run chaos."""

from chaos import Chaos
from harness import case


@case(alone=True, minutes="a minute and a half")
def chaos_of_a_minute(space):
    Chaos(space, seed=265, seconds=45, runs=40).run()
