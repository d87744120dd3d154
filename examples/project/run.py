"""Entry point of the forecasts project.

A run with scope "project" executes this file first, then the models named in PIPELINE, in that order and in the same
sandbox. Each model finds the outputs of the models before it in /upstream/<model>/outputs.json.
"""
import json
import os
import platform

PIPELINE = ["revenue", "expenses", "profit"]

parameters = {}
if os.path.exists("/inputs/parameters.json"):
    with open("/inputs/parameters.json", encoding="utf-8") as file:
        parameters = json.load(file)

print(f"forecast of {parameters.get('years', 3)} years on Python {platform.python_version()}")

# A module-level dict called `result` becomes part of the run's outputs.
result = {"title": "Three-statement forecast, simplified", "currency": "EUR"}
