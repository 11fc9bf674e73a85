"""Metrics are computed offline: with scikit-learn, and with evaluate from a local metric script."""

import tempfile
from pathlib import Path

import evaluate
import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

METRIC = """
import datasets
import evaluate


class Accuracy(evaluate.Metric):
    def _info(self):
        features = {"predictions": datasets.Value("int32"), "references": datasets.Value("int32")}
        return evaluate.MetricInfo(
            description="share of right answers",
            citation="",
            inputs_description="",
            features=datasets.Features(features),
        )

    def _compute(self, predictions, references):
        right = sum(p == r for p, r in zip(predictions, references))
        return {"accuracy": right / len(references)}
"""

generator = np.random.default_rng(0)
x = generator.normal(size=(200, 4))
y = (x[:, 0] > 0).astype(int)
predictions = LogisticRegression().fit(x, y).predict(x)
expected = accuracy_score(y, predictions)
assert expected > 0.95, f"logistic regression is right in {expected:.0%} only"

with tempfile.TemporaryDirectory() as folder:
    script = Path(folder, "accuracy.py")
    script.write_text(METRIC)
    metric = evaluate.load(str(script), cache_dir=folder)
    found = metric.compute(predictions=predictions, references=y)["accuracy"]
assert abs(found - expected) < 1e-9, f"evaluate says {found}, scikit-learn {expected}"
print(f"accuracy {found:.2f}")
