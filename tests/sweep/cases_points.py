"""Points: against reference.py, which was written from docs/sweeps-format.md, and against numpy and SciPy."""
import json
import math
import os
import random

from harness import case
import reference

SPACES = 400
SEED = int(os.environ.get("MODELRUN_SEED", "1"))


def number_text(rng):
    """A JSON number in one of the forms that people and programs write."""
    kind = rng.randrange(6)
    if kind == 0:
        return str(rng.randint(-10**6, 10**6))
    if kind == 1:
        return f"{rng.uniform(-2, 2):.{rng.randint(1, 25)}f}"
    if kind == 2:
        return repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-30, 30))
    if kind == 3:
        return f"{rng.randint(1, 9)}E{rng.randint(-200, 200)}"
    if kind == 4:
        return f"-{rng.randint(0, 99)}.{rng.randint(0, 9)}0e+{rng.randint(0, 9)}"
    return rng.choice(["0", "0.0", "0.10", "1e-300", "1e300", "5e-324", "9007199254740993", "0.1"])


def any_value(rng, depth=2):
    kind = rng.randrange(7 if depth else 5)
    if kind < 2:
        return reference.Number(number_text(rng))
    if kind == 2:
        return rng.choice([True, False, None])
    if kind < 5:
        return rng.choice(["", "a", "é\u2028\"\\\n", "high", "-1", "=1", "\U0001f600"]) + str(rng.randrange(100))
    if kind == 5:
        return [any_value(rng, depth - 1) for _ in range(rng.randrange(3))]
    return {rng.choice(["a", "b", "z~/", ""]): any_value(rng, depth - 1) for _ in range(rng.randrange(3))}


NAMES = ["growth", "discount rate", "é", "/m/rate", "/m/deep/er", "/list/1", "/list/0/x", "/a~1b", "/~0", "n", "zero", "a.b"]
BASE = {"m": {"rate": 1, "kept": [1, 2]}, "list": [{"x": 1, "y": None}, 5], "a/b": "old", "plain": "é"}


def numbers(rng, n):
    """Different numbers, ascending."""
    while True:
        texts = sorted((number_text(rng) for _ in range(n)), key=float)
        if all(float(a) < float(b) for a, b in zip(texts, texts[1:])) and all(abs(float(t)) <= 1e300 for t in texts):
            return [reference.Number(t) for t in texts]


def axis(rng, name, most):
    if rng.random() < 0.5:
        values = {reference.write(value): value for value in (any_value(rng) for _ in range(rng.randint(1, most)))}
        return {"name": name, "values": list(values.values())}
    low, high = numbers(rng, 2)
    low, high = rng.choice([(low, high), (high, low)])
    return {"name": name, "from": low, "to": high, "count": reference.Number(rng.randint(2, max(2, most)))}


def sample_axis(rng, name):
    kind = rng.choice(["normal", "lognormal", "uniform", "triangular", "choice"])
    if kind == "normal":
        stddev = reference.Number(number_text(rng).lstrip("-"))
        given = {"mean": numbers(rng, 1)[0], "stddev": stddev if float(stddev) > 0 else reference.Number("1")}
    elif kind == "lognormal":
        given = {"mu": reference.Number(repr(rng.uniform(-500, 500))), "sigma": reference.Number(repr(rng.uniform(0.001, 20)))}
    elif kind == "uniform":
        given = dict(zip(["low", "high"], numbers(rng, 2)))
    elif kind == "triangular":
        given = dict(zip(["low", "mode", "high"], numbers(rng, 3)))
        given["mode"] = rng.choice(list(given.values()))
    else:
        values = {reference.write(value): value for value in (any_value(rng) for _ in range(rng.randint(1, 6)))}
        given = {"values": list(values.values())}
        if rng.random() < 0.5:
            given["weights"] = [reference.Number(repr(rng.uniform(0.001, 10))) for _ in values]
    return {"name": name, kind: given}


def random_space(rng):
    names = rng.sample(NAMES, rng.randint(1, 4))
    kind = rng.choice(["grid", "oneAtATime", "points", "sample", "sample"])
    if kind in ("grid", "oneAtATime"):
        return {kind: [axis(rng, name, 5) for name in names]}
    if kind == "points":
        return {kind: [{name: any_value(rng) for name in rng.sample(names, rng.randint(0, len(names)))} for _ in range(rng.randint(1, 9))]}
    sample = {"count": reference.Number(rng.randint(1, 60)), "axes": [sample_axis(rng, name) for name in names]}
    if rng.random() < 0.8:
        sample["seed"] = reference.Number(rng.choice([0, 1, 7, 2**53 - 1, rng.randrange(2**53)]))
    if rng.random() < 0.8:
        sample["method"] = rng.choice(["Random", "LatinHypercube"])
    return {"sample": sample}


@case
def points_are_those_of_the_specification(probe):
    rng = random.Random(SEED)
    total = 0
    for i in range(SPACES):
        space = reference.write(random_space(rng))
        base = rng.choice(["", json.dumps(BASE)]) if "/list" not in space else json.dumps(BASE)
        got, expected = probe.points(space, base), reference.expand(space, base)
        for number, (a, b) in enumerate(zip(got, expected)):
            assert a == b, f"space {i} of seed {SEED}, point {number}: {a} where the specification says {b}: {space}"
        assert len(got) == len(expected), (len(got), len(expected), space)
        total += len(got)
    print(f"  {total} points of {SPACES} spaces, seed {SEED}")


@case
def long_ranges_are_those_of_the_specification(probe):
    rng = random.Random(SEED)
    for count in (10_000, 9_999, 7_777):
        low, high = numbers(rng, 2)
        space = reference.write({"grid": [{"name": "a", "from": low, "to": high, "count": reference.Number(count)}]})
        assert probe.points(space) == reference.expand(space, ""), space


@case
def functions_are_those_of_the_specification(probe):
    rng = random.Random(SEED)
    shares = [rng.random() * 2.0 ** -rng.randrange(60) or 0.5 for _ in range(20_000)]
    for name, function, xs in (("log", reference.log, shares), ("exp", reference.exp, [(s - 0.5) * 1400 for s in shares]),
                               ("normal", reference.z, shares)):
        for x, got in zip(xs, probe.ask(**{name: xs})):
            assert got == function(x), (name, x, got, function(x))


def one(probe, count, method, seed=1, **distribution):
    """The values of one axis."""
    points = probe.points({"sample": {"count": count, "seed": seed, "method": method, "axes": [{"name": "x", **distribution}]}})
    return [json.loads(point)["x"] for point in points]


@case
def the_generator_is_numpys(probe):
    import numpy

    uniform = {"uniform": {"low": 0, "high": 1}}
    shares = one(probe, 500, "Random", seed=123456789, **uniform)
    for i, share in enumerate(shares):
        # numpy counts up before each block.
        generator = numpy.random.Philox(counter=(i - 1) % 2**256, key=list(reference.key_of(123456789, "x")))
        assert share == ((int(generator.random_raw()) >> 12) + 0.5) * 2.0**-52, i


@case
def every_stratum_of_every_axis_has_one_point(probe):
    for count in (1, 2, 3, 10, 97, 1000, 10_000):
        axes = [{"name": name, "uniform": {"low": 0, "high": 1}} for name in ("a", "b", "/c/d")]
        points = [json.loads(p) for p in probe.points({"sample": {"count": count, "seed": count, "axes": axes}})]
        for column in ([p["a"] for p in points], [p["b"] for p in points], [p["c"]["d"] for p in points]):
            assert sorted(math.floor(u * count) for u in column) == list(range(count)), count


@case
def the_hypercube_is_as_even_as_scipys(probe):
    import numpy
    from scipy.stats import qmc

    count, names = 128, ["a", "b", "c", "d"]
    ours, theirs, random_ones = [], [], []
    for seed in range(30):
        for method, found in (("LatinHypercube", ours), ("Random", random_ones)):
            space = {"sample": {"count": count, "seed": seed, "method": method,
                                "axes": [{"name": name, "uniform": {"low": 0, "high": 1}} for name in names]}}
            found.append(qmc.discrepancy(numpy.array([[json.loads(p)[name] for name in names] for p in probe.points(space)])))
        theirs.append(qmc.discrepancy(qmc.LatinHypercube(d=len(names), rng=seed).random(count)))
    a, b, c = numpy.mean(ours), numpy.mean(theirs), numpy.mean(random_ones)
    print(f"  centred L2 discrepancy, mean of 30: {a:.5f}; SciPy's hypercube {b:.5f}; independent points {c:.5f}")
    assert abs(a - b) < 4 * math.hypot(numpy.std(ours), numpy.std(theirs)) / math.sqrt(30), (a, b)
    assert a < 0.8 * c, (a, c)


DISTRIBUTIONS = {
    "normal": ({"mean": 0.05, "stddev": 0.01}, lambda s: s.norm(0.05, 0.01)),
    "lognormal": ({"mu": 1.5, "sigma": 0.4}, lambda s: s.lognorm(0.4, scale=math.exp(1.5))),
    "uniform": ({"low": 0.9, "high": 1.2}, lambda s: s.uniform(0.9, 0.3)),
    "triangular": ({"low": 1, "mode": 2, "high": 5}, lambda s: s.triang(0.25, 1, 4)),
}


@case
def distributions_are_scipys(probe):
    import numpy
    from scipy import stats

    for name, (given, make) in DISTRIBUTIONS.items():
        wanted = make(stats)
        count = 10_000
        values = numpy.array(one(probe, count, "LatinHypercube", **{name: given}))
        shares = numpy.array(reference.shares(1, "x", count, "LatinHypercube"))
        worst = numpy.max(numpy.abs(values - wanted.ppf(shares)) / numpy.abs(wanted.ppf(shares)))
        assert worst < 1e-13, (name, worst)
        # A hypercube is far more even than its size says; independent points are tested for what they are.
        assert abs(values.mean() - wanted.mean()) < 1e-3 * wanted.std(), (name, values.mean(), wanted.mean())
        assert abs(values.std() - wanted.std()) < 5e-3 * wanted.std(), (name, values.std(), wanted.std())
        for p in (0.05, 0.25, 0.5, 0.75, 0.95):
            assert wanted.ppf(p - 1.5 / count) < numpy.quantile(values, p) < wanted.ppf(p + 1.5 / count), (name, p)
        independent = one(probe, count, "Random", **{name: given})
        assert stats.kstest(independent, wanted.cdf).pvalue > 1e-4, name


@case
def choices_follow_their_weights(probe):
    from scipy import stats

    counts = {}
    for value in one(probe, 10_000, "Random", choice={"values": ["a", "b", "c"], "weights": [1, 2, 5]}):
        counts[value] = counts.get(value, 0) + 1
    assert stats.chisquare([counts[v] for v in "abc"], [1250, 2500, 6250]).pvalue > 1e-4, counts


@case
def axes_are_independent(probe):
    import numpy

    names = ["a", "b", "ab", "/a"]
    for method in ("Random", "LatinHypercube"):
        axes = [{"name": n if n != "/a" else "/d/a", "uniform": {"low": 0, "high": 1}} for n in names]
        points = [json.loads(p) for p in probe.points({"sample": {"count": 5000, "method": method, "axes": axes}})]
        columns = numpy.array([[p["a"], p["b"], p["ab"], p["d"]["a"]] for p in points])
        worst = numpy.max(numpy.abs(numpy.corrcoef(columns.T) - numpy.eye(4)))
        assert worst < 4.5 / math.sqrt(5000), (method, worst)
