"""Expenses that follow revenue: a fixed part and a share of each year's revenue."""
import json
import os

import numpy as np

FIXED = 40.0
SHARE = 0.35

# In a pipeline the revenue model ran before this one. Alone (scope: model), assume a flat 100 a year.
upstream = "/upstream/revenue/outputs.json"
if os.path.exists(upstream):
    with open(upstream, encoding="utf-8") as file:
        revenue = np.array(json.load(file)["revenue"])
else:
    revenue = np.full(3, 100.0)

expenses = FIXED + SHARE * revenue
print(f"expenses: {expenses.sum():.2f} in {len(expenses)} years")

result = {"expenses": expenses.round(2).tolist()}
