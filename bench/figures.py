"""What the benches share: order statistics."""
import math


def quantile(values, q):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, math.ceil(q * len(ordered)) - 1)]


def interval(values):
    """The 95% confidence interval of the median, from order statistics."""
    ordered, n = sorted(values), len(values)
    spread = 1.96 * math.sqrt(n) / 2
    return ordered[max(0, int(n / 2 - spread))], ordered[min(n - 1, int(n / 2 + spread))]
