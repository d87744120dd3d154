"""Revenue by year, and what it is worth today.

Parameters: base, growth, discount_rate, years. All have defaults, so the model also runs without any.
"""
import json
import os

import numpy as np
import pandas as pd

parameters = {"base": 100.0, "growth": 0.10, "discount_rate": 0.08, "years": 3}
if os.path.exists("/inputs/parameters.json"):
    with open("/inputs/parameters.json", encoding="utf-8") as file:
        given = json.load(file)
    parameters.update({name: given[name] for name in parameters if name in given})

years = np.arange(int(parameters["years"]))
revenue = parameters["base"] * (1.0 + parameters["growth"]) ** years
discounted = revenue / (1.0 + parameters["discount_rate"]) ** (years + 1)

table = pd.DataFrame({"year": years + 1, "revenue": revenue.round(2), "discounted": discounted.round(2)})
print(table.to_string(index=False))

# Files under /outputs that are not JSON are kept as artifacts.
table.to_csv("/outputs/revenue.csv", index=False)

# NaN and infinities are not valid JSON and would be refused. numpy's own types are converted to Python's.
result = {
    "revenue": table["revenue"].tolist(),
    "present_value": round(float(discounted.sum()), 2),
    "parameters": parameters,
}
