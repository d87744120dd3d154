"""Statistics against numpy and SciPy; exact differences against Fraction; the table's forms against csv, json and gzip."""
import base64
import csv
import gzip
import io
import json
import math
import os
import random
from fractions import Fraction

from harness import case

SEED = int(os.environ.get("MODELRUN_SEED", "1"))


def columns(rng):
    """Columns of numbers as outputs have them: of any size, with ties, nearly equal."""
    for count in (1, 2, 3, 10, 97, 1000):
        yield [rng.gauss(0, 1) for _ in range(count)]
        yield [1e9 + rng.random() for _ in range(count)]
        yield [float(rng.randrange(4)) for _ in range(count)]
        yield [rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300) for _ in range(count)]
        yield [rng.gauss(0, 1) * 1e-200 for _ in range(count)]
        yield [0.1] * count


@case
def summaries_are_numpys(probe):
    import numpy

    rng = random.Random(SEED)
    for values in columns(rng):
        got = probe.ask(summarize=values)
        array = numpy.array(values)
        assert got["count"] == len(values)
        assert (got["min"], got["max"]) == (array.min(), array.max())
        assert (got["minPoint"], got["maxPoint"]) == (array.argmin(), array.argmax())
        for name, p in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95)):
            assert got[name] == numpy.quantile(array, p), (name, got[name], numpy.quantile(array, p), values[:5])
        exact = [Fraction(v) for v in values]
        mean = sum(exact) / len(exact)
        assert math.isclose(got["mean"], float(mean), rel_tol=1e-15, abs_tol=max(abs(array)) * 1e-15), (got["mean"], float(mean))
        if len(values) == 1:
            assert got["stddev"] is None
            continue
        # By integers, as a variance of 1e600 has no float.
        variance = sum((v - mean) ** 2 for v in exact) / (len(exact) - 1)
        scale = Fraction(2) ** (math.frexp(max(abs(array)))[1] if any(values) else 0)
        stddev = float(scale) * math.sqrt(float(variance / scale**2))
        assert math.isclose(got["stddev"], stddev, rel_tol=1e-13, abs_tol=max(abs(array)) * 1e-16), (got["stddev"], stddev)


@case
def correlations_are_scipys(probe):
    from scipy import stats

    rng = random.Random(SEED)
    for count in (2, 3, 10, 100, 2000):
        for ties in (False, True):
            x = [float(rng.randrange(5)) if ties else rng.random() for _ in range(count)]
            y = [a + (float(rng.randrange(3)) if ties else rng.gauss(0, 0.3)) for a in x]
            got = probe.ask(correlate=[x, y])
            if len(set(x)) == 1 or len(set(y)) == 1:
                assert got is None
            else:
                assert math.isclose(got, stats.spearmanr(x, y).statistic, rel_tol=1e-12, abs_tol=1e-12), (count, ties)


@case
def differences_are_exact(probe):
    rng = random.Random(SEED)

    def number():
        return rng.choice([lambda: str(rng.randint(-10**18, 10**18)), lambda: repr(rng.uniform(-1, 1) * 10.0 ** rng.randint(-300, 300)),
                           lambda: f"{rng.uniform(-1000, 1000):.{rng.randint(1, 30)}f}", lambda: "0"])()

    pairs = [[number(), number()] for _ in range(3000)]
    for (a, b), got in zip(pairs, probe.ask(subtract=pairs)):
        assert Fraction(got) == Fraction(a) - Fraction(b), (a, b, got)
        json.loads(got)


@case
def tables_are_what_csv_and_json_read(probe):
    header = {"format": "modelrun.dev/sweep-table/v1", "parameters": ["growth", "/m/x"], "outputs": ["value", "=text", "list"]}
    texts = ["plain", "a,b", 'say "x"', "two\r\nlines", "=1+1", "-5", "@x", "+x", "\tx", "é", "", " ", "'=1"]
    rows = [{"index": i, "parameters": {"growth": i / 8, "/m/x": text}, "outputs": {"value": i, "=text": text, "list": [i, text]},
             "phase": "Succeeded", "durationSeconds": 0.5, "run": "s-1"} for i, text in enumerate(texts)]
    kept = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in [header, *rows])
    answer = probe.ask(table=kept, part=200)
    assert "error" not in answer, answer
    assert [json.loads(line) for line in answer["lines"].splitlines()] == rows
    assert len(answer["parts"]) > 1
    document = gzip.decompress(b"".join(base64.b64decode(part, validate=True) for part in answer["parts"])).decode()
    assert [json.loads(line) for line in document.splitlines()] == [header, *rows]
    read = list(csv.DictReader(io.StringIO(answer["csv"], newline="")))
    assert list(read[0]) == ["index", "growth", "/m/x", "value", "'=text", "list", "phase", "reason", "message", "durationSeconds", "run"]
    for row, text in zip(read, texts):
        shown = row["'=text"]
        assert shown == ("'" + text if text[:1] in list("=+-@\t") else text), (shown, text)
        assert json.loads(row["list"]) == [int(row["index"]), text]
        assert float(row["growth"]) == int(row["index"]) / 8
