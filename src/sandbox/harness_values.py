"""Values of Python, numpy, pandas, polars and pyarrow as JSON. Part of the harness (harness.py).

docs/what-a-model-sees.md has the table. Each value has one form, whatever holds it, or it is refused: nothing is rounded,
left out or merged, and what has an order keeps it. The packages are found in sys.modules and are never imported: a value of
theirs exists only when the model has imported them. Everything else is imported here at once, before the repository is on
the path, because a file of the repository may have the name of a module of the standard library.
"""
import array
import collections
import collections.abc
import datetime
import enum
import os
import sys
import uuid

MAX_DEPTH = 100

HINTS = (
    ((set, frozenset), "convert it with sorted() or list()"),
    ((bytes, bytearray, memoryview), "write a file under /outputs instead"),
    (complex, "write its parts"),
    ((collections.abc.Iterator, collections.abc.KeysView, collections.abc.ValuesView, collections.abc.ItemsView),
     "convert it with list()"),
)
METHODS = ("model_dump", "tolist", "to_dict", "to_list", "_asdict", "item")


class Refused(Exception):
    """A value or file of the model cannot be an output, or PIPELINE is malformed; the message says where and why."""


def refuse(path, text):
    raise Refused("at %s: %s" % (path or "/", text))


def below(path, key):
    return "%s/%s" % (path, str(key).replace("~", "~0").replace("/", "~1"))


def convert(value, path="", depth=0):
    """Converts `value` to dict, list, str, int, float, bool and None; raises Refused when that is impossible.

    `path` is the JSON pointer of `value`, for messages. Raises nothing but Refused, although methods of the model's own
    classes are called.
    """
    if depth > MAX_DEPTH:
        refuse(path, "nested deeper than %d levels" % MAX_DEPTH)
    try:
        return convert_any(value, path, depth)
    except Refused:
        raise
    except Exception as e:
        refuse(path, "a value of type %s cannot be read: %s: %.200s" % (type(value).__name__, type(e).__name__, e))


def convert_any(value, path, depth):
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return convert_text(str.__str__(value), path)
    if isinstance(value, int):
        return convert_int(int.__int__(value), path)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, enum.Enum):
        return convert(value.value, path, depth + 1)
    if isinstance(value, (dict, collections.abc.Mapping)):
        return convert_pairs(value.items(), path, depth)
    if isinstance(value, (list, tuple, range, collections.deque, array.array)):
        return convert_list(value, path, depth)
    for convert_family in (convert_numpy, convert_pandas, convert_polars, convert_pyarrow):
        done = convert_family(value, path, depth)
        if done is not NOT_MINE:
            return done
    return convert_other(value, path, depth)


def convert_text(text, path):
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            refuse(path, "the text %.60r has half of a surrogate pair, which is not Unicode text; "
                         "decode it with the right encoding, or with errors='replace'" % text)
    return text


def convert_int(number, path):
    if not -(1 << 63) <= number < 1 << 63:
        refuse(path, "an integer beyond 64 bits; convert it with str() or float()")
    return number


def convert_list(items, path, depth):
    return [convert(item, "%s/%d" % (path, i), depth + 1) for i, item in enumerate(items)]


def convert_pairs(pairs, path, depth):
    out = {}
    for key, item in pairs:
        if not isinstance(key, str):
            refuse(path, "the key %.60r is a %s; keys must be strings" % (key, type(key).__name__))
        key = convert_text(str.__str__(key), path)
        if key in out:
            refuse(path, "the key %.60r comes twice" % key)
        out[key] = convert(item, below(path, key), depth + 1)
    return out


def convert_other(value, path, depth):
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return duration((value.days * 86_400 + value.seconds) * 10**6 + value.microseconds, 6)
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, os.PathLike) and isinstance(os.fspath(value), str):
        return convert_text(os.fspath(value), path)
    fields = getattr(type(value), "__dataclass_fields__", None)
    if isinstance(fields, dict):
        # The others are ClassVar and InitVar. The module dataclasses would say so, but takes long to import.
        names = [name for name, field in fields.items() if str(field._field_type) == "_FIELD"]
        return convert_pairs([(name, getattr(value, name)) for name in names], path, depth)
    name = type(value).__name__
    hint = next((hint for types, hint in HINTS if isinstance(value, types)), None)
    if name in ("Decimal", "Fraction"):
        hint = "convert it with float() or str()"
    if hint is None:
        method = None if isinstance(value, type) else next((m for m in METHODS if hasattr(type(value), m)), None)
        hint = "convert it with .%s()" % method if method else "convert it to plain values"
    refuse(path, "a value of type %s is not JSON; %s" % (name, hint))


def duration(count, digits):
    """Returns `count` units of 10**-digits seconds as an ISO 8601 duration, exactly: P1DT2H3M4.5S."""
    sign, count = ("-", -count) if count < 0 else ("", count)
    seconds, rest = divmod(count, 10**digits)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    fraction = (".%0*d" % (digits, rest)).rstrip("0") if rest else ""
    return "%sP%dDT%dH%dM%d%sS" % (sign, days, hours, minutes, seconds, fraction)


# ---- Packages ----------------------------------------------------------------------------------------------------
NOT_MINE = object()


def is_a(value, package, *names):
    """True if `value` is an instance of one of the package's classes, which need not be loaded or exist."""
    module = sys.modules.get(package)
    classes = (getattr(module, name, None) for name in names)
    return module is not None and isinstance(value, tuple(c for c in classes if isinstance(c, type)))


def convert_numpy(value, path, depth):
    if not is_a(value, "numpy", "ndarray", "generic"):
        return NOT_MINE
    kind = value.dtype.kind
    if is_a(value, "numpy", "ndarray"):
        if not type(value).__module__.startswith("numpy"):
            # For example an array with a unit, which would be lost.
            refuse(path, "a value of type %s is not JSON; convert it with numpy.asarray(x)" % type(value).__name__)
        if value.ndim > 0:
            if kind in "biuUT" or kind == "f" and value.dtype.itemsize <= 8:
                return convert_list(value.tolist(), path, depth)
            return convert_list(value, path, depth)
        value = value[()]  # the scalar, or the object of an object array
        if is_a(value, "numpy", "ndarray"):  # a masked array without dimensions
            return convert(value.tolist(), path, depth)
        return convert(value, path, depth + 1)
    if kind == "M":
        return None if str(value) == "NaT" else str(value)
    if kind == "m":
        return convert_timedelta64(value, path)
    if kind == "V" and value.dtype.names:
        return convert_pairs([(name, value[name]) for name in value.dtype.names], path, depth)
    if kind == "f":
        number = float(value)
        if value == value and number != value:  # only longdouble holds more than a float
            refuse(path, "a %s that no JSON number equals; convert it with float()" % type(value).__name__)
        return number
    if kind == "c":
        refuse(path, "a value of type %s is not JSON; write its parts" % type(value).__name__)
    plain = value.item()
    if is_a(plain, "numpy", "generic"):
        refuse(path, "a value of type %s is not JSON; convert it to plain values" % type(value).__name__)
    return convert(plain, path, depth + 1)


def convert_timedelta64(value, path):
    if str(value) == "NaT":
        return None
    numpy = sys.modules["numpy"]
    unit, step = numpy.datetime_data(value.dtype)
    count = int(value.astype("int64")) * step
    if unit in ("Y", "M"):
        return "%sP%d%s" % ("-" if count < 0 else "", abs(count), unit)
    seconds = {"W": 604_800, "D": 86_400, "h": 3600, "m": 60, "s": 1}
    digits = {"ms": 3, "us": 6, "ns": 9, "ps": 12, "fs": 15, "as": 18}
    if unit in seconds:
        return duration(count * seconds[unit], 0)
    if unit in digits:
        return duration(count, digits[unit])
    refuse(path, "a timedelta64 without a unit; give it one, as in numpy.timedelta64(1, 's')")


def convert_pandas(value, path, depth):
    if type(value).__name__ in ("NAType", "NaTType") and type(value).__module__.startswith("pandas."):
        return None
    if is_a(value, "pandas", "Timedelta"):
        return duration(value.days * 86_400 * 10**9 + value.seconds * 10**9 + value.microseconds * 1000 + value.nanoseconds, 9)
    if is_a(value, "pandas", "Timestamp"):
        return value.isoformat()
    if is_a(value, "pandas", "Period", "Interval"):
        return str(value)
    if is_a(value, "pandas", "DataFrame"):
        columns = [value.iloc[:, i].tolist() for i in range(value.shape[1])]
        return convert_rows(value.index, list(value.columns), columns, path, depth)
    if is_a(value, "pandas", "Series"):
        return convert_series(value, path, depth)
    arrays = getattr(getattr(sys.modules.get("pandas"), "api", None), "extensions", None)
    if is_a(value, "pandas", "Index") or arrays is not None and isinstance(value, arrays.ExtensionArray):
        return convert_list(value.tolist(), path, depth)
    return NOT_MINE


def is_default_index(index):
    """True for 0, 1, 2, ... without a name: positions, which a list has by itself."""
    return is_a(index, "pandas", "RangeIndex") and index.name is None and (index.start, index.step) == (0, 1)


def convert_series(series, path, depth):
    if is_default_index(series.index):
        return convert_list(series.tolist(), path, depth)
    # An object has no order. Where the labels do not tell it, or are of several levels, there is a record for each value.
    if is_a(series.index, "pandas", "MultiIndex") or not in_order(series.index):
        return convert_rows(series.index, ["value" if series.name is None else series.name], [series.tolist()], path, depth)
    keys = unique([label_text(label, path) for label in series.index.tolist()], "label", path)
    return {key: convert(item, below(path, key), depth + 1) for key, item in zip(keys, series.tolist())}


def in_order(index):
    try:
        return bool(index.is_monotonic_increasing)
    except TypeError:  # labels of several types
        return False


def convert_rows(index, labels, columns, path, depth):
    """Returns a record for each row: the levels of the index, unless it is the default one, and then the columns."""
    texts = [label_text(label, path) for label in labels]
    levels = []
    if not is_default_index(index):
        names = list(index.names)
        levels = [index.get_level_values(i).tolist() for i in range(len(names))]
        if len(names) == 1:
            free = "index" if "index" not in texts else "level_0"
            texts = [free if names[0] is None else label_text(names[0], path)] + texts
        else:
            texts = ["level_%d" % i if name is None else label_text(name, path) for i, name in enumerate(names)] + texts
    keys = unique(texts, "column", path)
    if not keys and len(index):
        refuse(path, "a DataFrame without columns; write its index")
    rows = []
    for number, row in enumerate(zip(*levels, *columns)):
        here = "%s/%d" % (path, number)
        if depth + 1 > MAX_DEPTH:
            refuse(here, "nested deeper than %d levels" % MAX_DEPTH)
        rows.append({key: convert(item, below(here, key), depth + 2) for key, item in zip(keys, row)})
    return rows


def label_text(label, path):
    """Returns a label as a key. The levels of a label are joined with dots; empty ones at its end are left out."""
    if isinstance(label, tuple):
        parts = list(label)
        while len(parts) > 1 and parts[-1] == "":
            parts.pop()
        return ".".join(label_text(part, path) for part in parts)
    plain = convert(label, path)
    if isinstance(plain, (list, dict)):
        refuse(path, "the label %.60r is not a plain value" % (label,))
    return plain if isinstance(plain, str) else str(plain)


def unique(keys, what, path):
    seen = set()
    for key in keys:
        if key in seen:
            refuse(path, "the %s %.60r comes twice; rename one, or write a list" % (what, key))
        seen.add(key)
    return keys


def convert_polars(value, path, depth):
    if is_a(value, "polars", "DataFrame"):
        return convert_list(value.rows(named=True), path, depth)
    if is_a(value, "polars", "Series"):
        return convert_list(value.to_list(), path, depth)
    return NOT_MINE


def convert_pyarrow(value, path, depth):
    if is_a(value, "pyarrow", "Table", "RecordBatch"):
        names = unique([convert_text(name, path) for name in value.schema.names], "column", path)
        columns = [value.column(i).to_pylist() for i in range(len(names))]
        return convert_list([dict(zip(names, row)) for row in zip(*columns)], path, depth)
    if is_a(value, "pyarrow", "Array", "ChunkedArray"):
        return convert_list(value.to_pylist(), path, depth)
    if is_a(value, "pyarrow", "Scalar"):
        return convert(value.as_py(), path, depth + 1)
    return NOT_MINE
