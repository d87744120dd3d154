"""What a business is worth today: its profits of some years, and of all years after these, discounted.

Parameters: revenue, growth, margin, discount_rate, terminal_growth, years. All have defaults, so the model also runs
without any.
"""
import json
import os
import sys

import numpy as np

parameters = {
    "revenue": 100.0,
    "growth": 0.05,
    "margin": 0.20,
    "discount_rate": 0.08,
    "terminal_growth": 0.02,
    "years": 5,
}
if os.path.exists("/inputs/parameters.json"):
    with open("/inputs/parameters.json", encoding="utf-8") as file:
        given = json.load(file)
    parameters.update({name: given[name] for name in parameters if name in given})

rate, later = parameters["discount_rate"], parameters["terminal_growth"]
if rate <= later:
    sys.exit(f"no value: the discount rate {rate} has to be above the terminal growth {later}")

years = np.arange(1, int(parameters["years"]) + 1)
profit = parameters["margin"] * parameters["revenue"] * (1.0 + parameters["growth"]) ** years
first = float((profit / (1.0 + rate) ** years).sum())
rest = float(profit[-1] * (1.0 + later) / (rate - later) / (1.0 + rate) ** years[-1])

result = {"value": round(first + rest, 2), "terminal_share": round(rest / (first + rest), 4)}
