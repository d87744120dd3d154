"""A model that takes longer than its time-out. What it has printed and written by then is kept."""
import json
import time

for step in range(60):
    print(f"step {step}", flush=True)
    with open("/outputs/progress.json", "w", encoding="utf-8") as file:
        json.dump({"step": step}, file)
    time.sleep(1)

result = {"finished": True}
