"""The points of a sweep, computed from docs/sweeps-format.md and nothing else. It shares no code with the product."""
import copy
import decimal
import hashlib
import itertools
import json
import math
import re
from fractions import Fraction

MASK = (1 << 64) - 1


class Number(str):
    """A JSON number as it is written."""


def read(text):
    return json.loads(text, parse_float=Number, parse_int=Number)


def write(value):
    """Compact, members sorted by the bytes of their names, numbers as written."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        members = sorted(value.items(), key=lambda item: item[0].encode())
        return "{" + ",".join(json.dumps(k, ensure_ascii=False) + ":" + write(v) for k, v in members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def text_of(value):
    """RFC 8785. repr() gives the shortest digits; where they stand is decided here."""
    if value == 0:
        return "0"
    sign, digits, exponent = decimal.Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, digits)).rstrip("0")
    power = decimal.Decimal(repr(value)).adjusted()
    out = "-" if sign else ""
    if power < -6 or power >= 21:
        return out + digits[0] + ("." + digits[1:] if digits[1:] else "") + "e" + ("-" if power < 0 else "+") + str(abs(power))
    if power < 0:
        return out + "0." + "0" * (-power - 1) + digits
    if len(digits) <= power + 1:
        return out + digits + "0" * (power + 1 - len(digits))
    return out + digits[:power + 1] + "." + digits[power + 1:]


# ---- names


def tokens_of(name):
    if not name.startswith("/"):
        return [name]
    return [token.replace("~1", "/").replace("~0", "~") for token in name[1:].split("/")]


def put(parameters, name, value):
    *way, last = tokens_of(name)
    place = parameters
    for token in way:
        place = place[int(token)] if isinstance(place, list) else place.setdefault(token, {})
    if isinstance(place, list):
        place[int(last)] = value
    else:
        place[last] = value


def with_values(base, values):
    point = copy.deepcopy(base)
    for name, value in values:
        put(point, name, copy.deepcopy(value))
    return point


# ---- random numbers


def philox(counter, key):
    counter, key = list(counter), list(key)
    for _ in range(10):
        a, b = counter[0] * 0xD2E7470EE14C6C93, counter[2] * 0xCA5A826395121157
        counter = [(b >> 64) ^ counter[1] ^ key[0], b & MASK, (a >> 64) ^ counter[3] ^ key[1], a & MASK]
        key = [(key[0] + 0x9E3779B97F4A7C15) & MASK, (key[1] + 0xBB67AE8584CAA73B) & MASK]
    return counter


def key_of(seed, name):
    return seed, int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")


def shares(seed, name, count, method):
    def draw(i, purpose):
        return philox((i, purpose, 0, 0), key_of(seed, name))[0]

    if method == "Random":
        return [((draw(i, 0) >> 12) + 0.5) * 2.0**-52 for i in range(count)]
    order = list(range(count))
    for j in range(count - 1, 0, -1):
        r = draw(j, 1) * (j + 1) >> 64
        order[j], order[r] = order[r], order[j]
    return [(order[i] + ((draw(i, 0) >> 32) + 0.5) * 2.0**-32) / count for i in range(count)]


# ---- functions

L2H, L2L = 6.93147180369123816490e-01, 1.90821492927058770002e-10
L = [None, 6.666666666666735130e-01, 3.999999999940941908e-01, 2.857142874366239149e-01, 2.222219843214978396e-01,
     1.818357216161805012e-01, 1.531383769920937332e-01, 1.479819860511658591e-01]
P = [None, 1.66666666666666019037e-01, -2.77777777770155933842e-03, 6.61375632143793436117e-05, -1.65339022054652515390e-06,
     4.13813679705723846039e-08]


def log(x):
    m, k = math.frexp(x)
    if m < float.fromhex("0x1.6a09e667f3bcdp-1"):
        m, k = m * 2, k - 1
    f = m - 1
    s = f / (2 + f)
    s2 = s * s
    s4 = s2 * s2
    rest = s2 * (L[1] + s4 * (L[3] + s4 * (L[5] + s4 * L[7]))) + s4 * (L[2] + s4 * (L[4] + s4 * L[6]))
    h = 0.5 * f * f
    return k * L2H - ((h - (s * (h + rest) + k * L2L)) - f)


def exp(x):
    k = int(1.44269504088896338700 * x + (-0.5 if x < 0 else 0.5))
    hi, lo = x - k * L2H, k * L2L
    r = hi - lo
    t = r * r
    c = r - t * (P[1] + t * (P[2] + t * (P[3] + t * (P[4] + t * P[5]))))
    return math.ldexp(1 - ((lo - (r * c) / (2 - c)) - hi), k)


def coefficients():
    """Those of AS 241 from the source of Python's statistics module, highest power first; the page says that it has them."""
    import inspect
    import statistics

    source = inspect.getsource(statistics)
    source = source[source.index("def _normal_dist_inv_cdf"):]
    numbers = [float(word.replace("_", "")) for word in re.findall(r"\d\.[0-9_]+e[+-]\d+", source)]
    # Top has eight, bottom seven and a 1 that stands there without an exponent.
    pairs = []
    for i in range(3):
        group = numbers[15 * i:15 * i + 15]
        pairs.append((group[:8], group[8:] + [1.0]))
    return pairs


def horner(powers, x):
    total = powers[0]
    for c in powers[1:]:
        total = total * x + c
    return total


CENTRE, MIDDLE, TAIL = coefficients()


def z(u):
    q = u - 0.5
    if abs(q) <= 0.425:
        r = 0.180625 - q * q
        return horner(CENTRE[0], r) * q / horner(CENTRE[1], r)
    r = math.sqrt(-log(u if q < 0 else 1 - u))
    top, bottom, x = (*MIDDLE, r - 1.6) if r <= 5 else (*TAIL, r - 5)
    value = horner(top, x) / horner(bottom, x)
    return -value if q < 0 else value


def at(axis, u):
    """The value of a sample's axis at the share u."""
    if "choice" in axis:
        values = axis["choice"]["values"]
        weights = [float(w) for w in axis["choice"].get("weights") or ["1"] * len(values)]
        total = 0.0
        for weight in weights:
            total += weight
        up_to = 0.0
        for value, weight in zip(values, weights):
            up_to += weight
            if u * total < up_to:
                return value
        return values[-1]
    (kind, given), = [(k, v) for k, v in axis.items() if k != "name"]
    p = {k: float(v) for k, v in given.items()}
    if kind == "normal":
        value = p["mean"] + p["stddev"] * z(u)
    elif kind == "lognormal":
        value = exp(p["mu"] + p["sigma"] * z(u))
    elif kind == "uniform":
        value = min(p["low"] + u * (p["high"] - p["low"]), p["high"])
    else:
        w = p["high"] - p["low"]
        b, a = (p["mode"] - p["low"]) / w, (p["high"] - p["mode"]) / w
        value = min(p["low"] + w * math.sqrt(u * b), p["high"]) if u < b else max(p["high"] - w * math.sqrt((1 - u) * a), p["low"])
    return Number(text_of(value))


# ---- spaces


def values_of(axis):
    if "values" in axis:
        return axis["values"]
    frm, to, count = Fraction(axis["from"]), Fraction(axis["to"]), int(axis["count"])
    return [Number(text_of(float(frm + i * (to - frm) / (count - 1)))) for i in range(count)]


def expand(space_text, base_text):
    """The points as texts."""
    space, base = read(space_text), read(base_text or "{}")
    if "grid" in space:
        axes = [[(axis["name"], value) for value in values_of(axis)] for axis in space["grid"]]
        points = [with_values(base, values) for values in itertools.product(*axes)]
    elif "oneAtATime" in space:
        points = [base] + [with_values(base, [(axis["name"], value)]) for axis in space["oneAtATime"] for value in values_of(axis)]
    elif "points" in space:
        points = [with_values(base, point.items()) for point in space["points"]]
    else:
        sample = space["sample"]
        count = int(sample["count"])
        columns = [[(axis["name"], at(axis, u)) for u in
                    shares(int(sample.get("seed", "0")), axis["name"], count, sample.get("method", "LatinHypercube"))]
                   for axis in sample["axes"]]
        points = [with_values(base, values) for values in zip(*columns)]
    return [write(point) for point in points]
