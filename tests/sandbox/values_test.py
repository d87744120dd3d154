"""Values on their way from Python, numpy, pandas, polars and pyarrow to JSON: each has the form of docs/what-a-model-sees.md or is
refused by its place; none changes silently. harness_values.py alone; run by tests/sandbox/run, with a Python that has the packages."""
import json
import os
import subprocess
import unittest

from harness_case import PYTHON, SOURCES

# Reads lines {"setup": ..., "value": ...} of Python and answers each with [form, refusal].
ASK = """
import json, sys
sys.path.insert(0, %r)
from harness_values import Refused, convert
for line in sys.stdin:
    try:
        names = {}
        exec(json.loads(line), names)
        print(json.dumps([convert(names['value']), None]), flush=True)
    except Refused as e:
        print(json.dumps([None, str(e)]), flush=True)
"""

PLAIN = "import collections, dataclasses, datetime, decimal, enum, fractions, pathlib, types, typing, uuid\n"
PACKAGES = "import numpy as np, pandas as pd\n"
FRAME = "pd.DataFrame({'region': ['n', 's'], 'x': [1, 2]})"


def has(*packages):
    return subprocess.run([PYTHON, "-I", "-c", "import " + ", ".join(packages)], capture_output=True).returncode == 0


class ValuesTest(unittest.TestCase):
    maxDiff = None

    def check(self, setup, cases):
        texts = [setup + "value = " + case for case in cases]
        done = subprocess.run([PYTHON, "-I", "-B", "-W", "ignore", "-c", ASK % os.path.abspath(SOURCES)],
                              input="".join(json.dumps(t) + "\n" for t in texts), capture_output=True, text=True, timeout=120)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(answers), len(cases), done.stderr)
        for (case, wanted), (form, refusal) in zip(cases.items(), answers):
            with self.subTest(case):
                if isinstance(wanted, Refusal):
                    self.assertIsNotNone(refusal, form)
                    for words in wanted:
                        self.assertIn(words, refusal)
                else:
                    self.assertIsNone(refusal)
                    self.assertEqual(json.dumps(form), json.dumps(wanted))  # with the order of keys, and 1 is not 1.0

    def packages(self, *names):
        if not has(*names):
            self.skipTest("this Python has not %s (MODELRUN_PYTHON)" % ", ".join(names))

    def test_plain_values(self):
        self.check(PLAIN, {
            "{'a': (1, [True, None])}": {"a": [1, [True, None]]}, "range(3)": [0, 1, 2], "collections.deque([1])": [1],
            "collections.Counter('aab')": {"a": 2, "b": 1}, "types.MappingProxyType({'a': 1})": {"a": 1},
            "__import__('array').array('d', [1.5])": [1.5], "pathlib.Path('/x')": "/x", "uuid.UUID(int=0)": "00000000-0000-0000-0000-000000000000",
            "enum.Enum('E', 'A').A": 1, "enum.IntEnum('E', 'A').A": 1, "enum.Flag('E', 'A B').B": 2, "datetime.date(2026, 1, 2)": "2026-01-02",
            "datetime.time(3, 4)": "03:04:00", "datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)": "2026-01-02T00:00:00+00:00",
            "dataclasses.make_dataclass('D', [('x', int), ('c', typing.ClassVar[int], 1)])(5)": {"x": 5}, "-2**63": -2**63, "2**63 - 1": 2**63 - 1,
            "2**63": Refusal("at /", "beyond 64 bits"), "[10**5000]": Refusal("at /0", "beyond 64 bits"), "{'a': {1}}": Refusal("at /a", "sorted() or list()"),
            "frozenset()": Refusal("sorted() or list()"), "(i for i in [1])": Refusal("list()"), "{}.keys()": Refusal("list()"), "b''": Refusal("a file under"),
            "decimal.Decimal('0.1')": Refusal("float() or str()"), "fractions.Fraction(1, 3)": Refusal("float() or str()"), "1j": Refusal("its parts"),
            "{1: 2}": Refusal("keys must be strings"), "'\\ud800'": Refusal("surrogate"), "{'\\ud800': 1}": Refusal("surrogate"), "int": Refusal("type type"),
            "types.SimpleNamespace(a=1)": Refusal("plain values"), "dataclasses.make_dataclass('D', ['x'])": Refusal("type type"),
            "type('M', (), {'model_dump': 1})()": Refusal(".model_dump()"),
            "type('D', (dict,), {'items': lambda self: 1 / 0})()": Refusal("at /: a value of type D cannot be read: ZeroDivisionError")})

    def test_durations_have_one_form(self):
        self.packages("numpy", "pandas")
        self.check(PLAIN + PACKAGES, {
            "datetime.timedelta(hours=1)": "P0DT1H0M0S", "np.timedelta64(1, 'h')": "P0DT1H0M0S", "pd.Timedelta(hours=1)": "P0DT1H0M0S",
            "np.array([3600 * 10**9], 'm8[ns]')": ["P0DT1H0M0S"], "pd.Series([pd.Timedelta(hours=1)])": ["P0DT1H0M0S"],
            "pd.to_timedelta(['1h', None])": ["P0DT1H0M0S", None], "datetime.timedelta(seconds=-1)": "-P0DT0H0M1S", "pd.Timedelta(-1)": "-P0DT0H0M0.000000001S",
            "np.timedelta64(-1, 'ns')": "-P0DT0H0M0.000000001S", "datetime.timedelta(microseconds=1)": "P0DT0H0M0.000001S", "np.timedelta64('NaT')": None,
            "np.timedelta64(2, 'W')": "P14DT0H0M0S", "np.timedelta64(5, 'M')": "P5M", "np.timedelta64(-2, 'Y')": "-P2Y", "np.timedelta64(3, 'as')": "P0DT0H0M0.000000000000000003S",
            "np.timedelta64(3)": Refusal("without a unit"), "np.array([1], 'm8[25s]')": ["P0DT0H0M25S"]})

    def test_numpy(self):
        self.packages("numpy")
        self.check("import numpy as np\n", {
            "np.arange(4).reshape(2, 2)": [[0, 1], [2, 3]], "np.array(3)": 3, "np.float32(0.1)": float.fromhex("0x1.99999ap-4"), "np.float16(0.5)": 0.5,
            "np.longdouble(0.5)": 0.5, "[np.longdouble(1) / 3]": Refusal("at /0", "float()"), "np.array([np.longdouble(1) / 3])": Refusal("at /0"),
            "np.array([0.5], np.longdouble)": [0.5], "np.array(np.longdouble(1) / 3)": Refusal("at /"), "np.clongdouble(1)": Refusal("its parts"),
            "{'c': np.array([[1j]])}": Refusal("at /c/0/0", "complex"), "np.array([1j], np.clongdouble)": Refusal("at /0"), "np.bool_(True)": True,
            "np.uint64(2**64 - 1)": Refusal("64 bits"), "np.datetime64('2026-01-02')": "2026-01-02", "np.datetime64('NaT')": None,
            "np.array(['2026-01-02', 'NaT'], 'M8[ns]')": ["2026-01-02T00:00:00.000000000", None], "np.array(['a', 'b'])": ["a", "b"],
            "np.array([b'a'])": Refusal("at /0", "bytes"), "np.array([{'a': 1}, None, [2]], object)": [{"a": 1}, None, [2]],
            "np.array([(1, 'x')], [('n', 'i8'), ('s', 'U1')])": [{"n": 1, "s": "x"}], "np.array([(1, [1, 2])], [('n', 'i8'), ('v', 'f8', 2)])": [{"n": 1, "v": [1.0, 2.0]}],
            "np.rec.array([(1,)], [('n', 'i8')])": [{"n": 1}], "np.array([(1,)], [('n', 'm8[h]')])[0]": {"n": "P0DT1H0M0S"}, "np.void(b'ab')": Refusal("bytes"),
            "np.ma.array([1, 2], mask=[0, 1])": [1, None], "np.ma.masked": None, "np.array([], 'f8')": [], "np.dtype('f8')": Refusal("at /"), "np.matrix([[1]])": [[1]],
            "type('Q', (np.ndarray,), {'__module__': 'units'})(1)": Refusal("numpy.asarray")})

    def test_pandas_labels_are_kept(self):
        self.packages("numpy", "pandas")
        self.check(PACKAGES + "df = " + FRAME + "\n", {
            "df": [{"region": "n", "x": 1}, {"region": "s", "x": 2}], "df.set_index('region')": [{"region": "n", "x": 1}, {"region": "s", "x": 2}],
            "df[['x']].describe().loc[['mean', 'max']]": [{"index": "mean", "x": 1.5}, {"index": "max", "x": 2.0}],
            "df[['x']].set_index(pd.to_datetime(['2026-01-02', '2026-01-03']))": [{"index": "2026-01-02T00:00:00", "x": 1}, {"index": "2026-01-03T00:00:00", "x": 2}],
            "df.iloc[1:]": [{"index": 1, "region": "s", "x": 2}], "df.rename(columns={'x': 'index'}).iloc[1:]": [{"level_0": 1, "region": "s", "index": 2}],
            "df.set_index(['region', 'x'], drop=False)": Refusal("at /", "'region' comes twice"), "df.set_index(['region', 'x'])": [{"region": "n", "x": 1}, {"region": "s", "x": 2}],
            "pd.DataFrame([[1, 2]], columns=[2024, 2025])": [{"2024": 1, "2025": 2}], "{'d': pd.DataFrame([[1, 2]], columns=['a', 'a'])}": Refusal("at /d", "'a' comes twice"),
            "pd.DataFrame([[1, 2]], columns=[1, '1'])": Refusal("'1' comes twice"), "pd.Series([1, 2], ['a', 'a'])": Refusal("label 'a' comes twice"),
            "{'s': pd.Series([1, 2], pd.Index(['1', '1']))}": Refusal("at /s", "'1' comes twice"), "pd.Series([1, 2], [1, '1'])": [{"index": 1, "value": 1}, {"index": "1", "value": 2}],
            "df.groupby('region').agg({'x': ['sum', 'max']})": [{"region": "n", "x.sum": 1, "x.max": 1}, {"region": "s", "x.sum": 2, "x.max": 2}],
            "df.groupby('region').agg({'x': ['sum', 'max']}).reset_index()": [{"region": "n", "x.sum": 1, "x.max": 1}, {"region": "s", "x.sum": 2, "x.max": 2}],
            "df.groupby(['region', 'x']).size()": [{"region": "n", "x": 1, "value": 1}, {"region": "s", "x": 2, "value": 1}],
            "pd.MultiIndex.from_tuples([('n', 1)])": [["n", 1]], "pd.DataFrame()": [], "pd.DataFrame(index=['a'])": [{"index": "a"}], "pd.DataFrame(index=[0])": [{"index": 0}],
            "pd.DataFrame(index=range(1))": Refusal("without columns")})

    def test_pandas_order_can_be_told(self):
        self.packages("numpy", "pandas")
        self.check(PACKAGES, {
            "pd.Series({'a': 1, 'b': 2})": {"a": 1, "b": 2}, "pd.Series({'a': 1, 'b': 3, 'c': 2}).sort_values()":
            [{"index": "a", "value": 1}, {"index": "c", "value": 2}, {"index": "b", "value": 3}], "pd.Series([5, 4])": [5, 4],
            "pd.Series([5, 4]).sort_values()": [{"index": 1, "value": 4}, {"index": 0, "value": 5}], "pd.Series([1, 2], range(2024, 2026))": {"2024": 1, "2025": 2},
            "pd.Series([1], name='n', index=pd.Index(['b'], name='k'))": {"b": 1}, "pd.Series(['b', 'a', 'b'], name='k').value_counts()":
            [{"k": "b", "count": 2}, {"k": "a", "count": 1}], "pd.Series([1], pd.to_datetime(['2026-01-02']))": {"2026-01-02T00:00:00": 1},
            "pd.Series([1], pd.period_range('2026-01', periods=1, freq='M'))": {"2026-01": 1}})

    def test_pandas_values(self):
        self.packages("numpy", "pandas")
        self.check(PACKAGES, {
            "pd.Timestamp('2026-01-02')": "2026-01-02T00:00:00", "pd.NaT": None, "pd.NA": None, "pd.Index([1, 2])": [1, 2], "pd.Categorical(['a', 'b'])": ["a", "b"],
            "pd.Period('2026-01')": "2026-01", "pd.Interval(0, 1.5)": "(0, 1.5]", "pd.array([1, None], dtype='Int64')": [1, None],
            "pd.Series([True, None], dtype='boolean')": [True, None], "pd.Series(['a', None], dtype='string')": ["a", None],
            "pd.cut(pd.Series([1, 5]), [0, 2, 6])": ["(0, 2]", "(2, 6]"], "pd.Series([1 + 1j])": Refusal("at /0", "complex"), "pd.DataFrame({'x': [{1}]})": Refusal("at /0/x", "set"),
            "pd.arrays.SparseArray([0, 1])": [0, 1], "pd.offsets.Day(1)": Refusal("at /"), "type('F', (pd.DataFrame,), {})({'x': [1]})": [{"x": 1}]})

    def test_arrow_and_polars(self):
        self.packages("numpy", "pandas", "pyarrow", "polars")
        self.check(PLAIN + PACKAGES + "import pyarrow as pa, polars as pl\n", {
            "pd.Series([1, None], dtype='int64[pyarrow]')": [1, None], "pa.table({'x': [1, None]})": [{"x": 1}, {"x": None}], "pa.array([1, None])": [1, None],
            "pa.scalar(datetime.timedelta(hours=1))": "P0DT1H0M0S", "pa.table([[1], [2]], ['a', 'a'])": Refusal("'a' comes twice"),
            "pa.array([decimal.Decimal(1)])": Refusal("at /0", "Decimal"), "pl.DataFrame({'x': [1, None], 'd': [datetime.timedelta(hours=1)] * 2})":
            [{"x": 1, "d": "P0DT1H0M0S"}, {"x": None, "d": "P0DT1H0M0S"}], "pl.Series([datetime.date(2026, 1, 2)])": ["2026-01-02"], "pl.Series([b'a'])": Refusal("at /0", "bytes")})

    def test_what_is_read_back_is_what_was_put_in(self):
        """Random values of every kind: the reader of the JSON gets all cells and labels in their order, or the value is refused."""
        self.packages("numpy", "pandas")
        done = subprocess.run([PYTHON, "-I", "-B", "-W", "ignore", "-c", PROPERTY % os.path.abspath(SOURCES)], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, 0, done.stdout[-2000:] + done.stderr[-2000:])
        kept, refused = map(int, done.stdout.split()[-2:])
        self.assertGreater(kept, 500)  # the rule is not kept by refusing everything
        self.assertGreater(refused, 100)


class Refusal(tuple):
    """The words of a refusal."""

    def __new__(cls, *words):
        return tuple.__new__(cls, words)


PROPERTY = r"""
import datetime, json, math, random, sys
import numpy as np, pandas as pd
sys.path.insert(0, %r)
from harness_values import Refused, convert
rng = random.Random(7)
LABELS = ['a', 'b', '1', 1, 2, 2024, 1.5, 'x.y', pd.Timestamp('2026-01-02'), '', True]
def cell():
    return rng.choice([lambda: rng.randrange(-2**66, 2**66), lambda: rng.randrange(9), lambda: rng.random(), lambda: rng.choice(['', 'a', '\u00e4', '\ud800']),
                       lambda: None, lambda: True, lambda: np.longdouble(rng.randrange(9)) / 3, lambda: np.float32(rng.random()), lambda: np.int8(3),
                       lambda: datetime.timedelta(seconds=rng.random() * 1e6), lambda: [1, 'a'], lambda: {'k': 1}, lambda: {1}, lambda: 1j])()
def reads_as(form, value):
    # An independent reading of the table of forms: plain cells only.
    if isinstance(value, datetime.timedelta):
        return pd.Timedelta(form) == pd.Timedelta(value)
    if isinstance(value, pd.Timestamp):
        return pd.Timestamp(form) == value
    if isinstance(value, (np.generic,)):
        return form == value
    return type(form) is type(value) and form == value
def agree(form, values):
    return len(form) == len(values) and all(reads_as(f, v) for f, v in zip(form, values))
def key_reads_as(key, label):
    return key == label if isinstance(label, str) else pd.Timestamp(key) == label if isinstance(label, pd.Timestamp) else key == str(label)
kept = refused = 0
for turn in range(3000):
    rows, width = rng.randrange(4), rng.randrange(1, 4)
    index = [rng.choice(LABELS) for _ in range(rows)] if rng.random() < 0.7 else None
    if index is not None and rng.random() < 0.5:
        index = sorted(index, key=str)
    columns = [rng.choice(LABELS) for _ in range(width)]
    column = lambda: [cell() for _ in range(rows)] if rng.random() < 0.3 else [rng.randrange(9) for _ in range(rows)]
    kind = rng.choice(['frame', 'series', 'array', 'list'])
    cells = [column() for _ in range(width)]
    try:
        if kind == 'frame':
            value = pd.DataFrame({n: pd.Series(c, dtype=object, index=index) for n, c in enumerate(cells)}, index=index)
            value.columns = columns
            columns, index = list(value.columns), index and list(value.index)
            form = json.loads(json.dumps(convert(value)))
            offset = 0 if index is None else 1
            assert len(form) == rows, form
            for r, record in enumerate(form):
                items = list(record.items())
                assert len(items) == width + offset, (value, form)
                assert offset == 0 or reads_as(items[0][1], index[r]) or items[0][1] == index[r], (value, form)
                assert all(key_reads_as(k, c) for (k, _), c in zip(items[offset:], columns)), (value, form)
                assert agree([v for _, v in items[offset:]], [c[r] for c in cells]), (value, form)
        elif kind == 'series':
            value = pd.Series(cells[0], index=index, dtype=object)
            form = json.loads(json.dumps(convert(value)))
            index = index and list(value.index)
            if isinstance(form, dict):
                assert all(key_reads_as(k, l) for k, l in zip(form, index)) and len(form) == rows, (value, form)
                assert list(index) == sorted(index), (value, form)
                found = list(form.values())
            elif index is None:
                found = form
            else:
                assert all(len(f) == 2 and (reads_as(f['index'], l) or f['index'] == l) for f, l in zip(form, index)), (value, form)
                found = [f['value'] for f in form]
            assert agree(found, cells[0]), (value, form)
        elif kind == 'array':
            value = np.array(cells[0] + [None], dtype=object)
            assert agree(json.loads(json.dumps(convert(value))), list(value)), value
        else:
            value = [cell() for _ in range(3)]
            assert agree(json.loads(json.dumps(convert(value))), value), value
        kept += 1
    except Refused as e:
        assert str(e).startswith('at /'), e
        refused += 1
print(kept, refused)
"""

if __name__ == "__main__":
    unittest.main()
