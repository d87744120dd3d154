"""Expenses by year: a fixed part and a share of that year's revenue."""
import json
import os

import numpy as np

FIXED = 40.0
SHARE = 0.35

# In the pipeline (scope: project) the revenue model has run before this one. If this model runs alone (scope: model),
# it assumes a revenue of 100 in each year.
upstream = "/upstream/revenue/outputs.json"
if os.path.exists(upstream):
    with open(upstream, encoding="utf-8") as file:
        revenue = np.array(json.load(file)["revenue"])
else:
    revenue = np.full(3, 100.0)

expenses = FIXED + SHARE * revenue
print(f"expenses: {expenses.sum():.2f} in {len(expenses)} years")

result = {"expenses": expenses.round(2).tolist()}
