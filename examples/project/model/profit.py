"""Profit by year: revenue less expenses. It needs both models, so it can run only as part of the pipeline."""
import json
import sys


def upstream(model):
    path = f"/upstream/{model}/outputs.json"
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        sys.exit(f"{path} is missing: run this model with scope project, after revenue and expenses")


revenue = upstream("revenue")["revenue"]
expenses = upstream("expenses")["expenses"]
profit = [round(r - e, 2) for r, e in zip(revenue, expenses)]
print("profit:", profit)

# Another way to leave an output is to write /outputs/<name>.json. This one appears under the key "margin".
with open("/outputs/margin.json", "w", encoding="utf-8") as file:
    json.dump([round(p / r, 4) for p, r in zip(profit, revenue)], file)

result = {"profit": profit}
