"""Numbers of SciPy for test/electra/statistics. python scripts/golden/statistics.py > test/fixtures/statistics.json (SciPy 1.17)."""

import itertools
import json

import numpy as np
from scipy import stats

rng = np.random.default_rng(7)


def bootstrap_t(d):
    """All resamples of d, in units of their standard errors: interval of 95 %, and p by equal tails (Efron and Tibshirani 1993, 12.5)."""
    n = len(d)
    error = np.std(d, ddof=1) / np.sqrt(n)
    of = d[np.array(list(itertools.product(range(n), repeat=n)))]
    errors = of.std(axis=1, ddof=1) / np.sqrt(n)
    away = of.mean(axis=1) - d.mean()
    # A resample of one value n times has no error of its own; rounding leaves it some.
    alike = (of == of[:, :1]).all(axis=1)
    t = np.where(alike, np.copysign(np.inf, away), away / np.where(alike, 1, errors))
    quantile = lambda q: np.interp(q * (len(t) - 1), np.arange(len(t)), np.sort(t))
    p = min(1, 2 * min(np.mean(t >= d.mean() / error), np.mean(t <= d.mean() / error)))
    return {"low": float(d.mean() - quantile(0.975) * error), "high": float(d.mean() - quantile(0.025) * error), "p": float(p)}


cases = []
for n in [2, 3, 5, 5, 8, 12]:
    a = np.round(rng.normal(0.8, 0.02, n), 4)
    b = np.round(a + rng.normal(-0.01, 0.015, n), 4)
    test = stats.ttest_rel(a, b)
    interval = test.confidence_interval(0.95)
    flips = stats.permutation_test((a - b,), np.mean, permutation_type="samples", n_resamples=np.inf)
    cases.append(
        {
            "a": a.tolist(),
            "b": b.tolist(),
            "p": float(test.pvalue),
            "low": float(interval.low),
            "high": float(interval.high),
            "signFlip": float(flips.pvalue),
            **({"bootstrap": bootstrap_t(a - b)} if n in [5] else {}),
            "effect": float(stats.ttest_1samp(a - b, 0).statistic / np.sqrt(n) * (1 - 3 / (4 * (n - 1) - 1))),
            "deviation": float(np.std(a, ddof=1)),
            "quantiles": {str(q): float(np.quantile(a, q)) for q in [0, 0.025, 0.3, 0.5, 1]},
        }
    )

tails = [
    {"t": t, "df": df, "p": float(2 * stats.t.sf(t, df))}
    for df in [1, 2, 3, 4, 7, 19, 100, 1000]
    for t in [0.0, 0.1, 0.7, 1.0, 2.0, 2.776, 5.0, 30.0, 1e4]
]
critical = [
    {"p": p, "df": df, "t": float(stats.t.isf(p / 2, df))}
    for df in [1, 2, 4, 9, 50, 1000]
    for p in [0.9, 0.5, 0.1, 0.05, 0.01, 1e-6]
]
print(json.dumps({"cases": cases, "tails": tails, "critical": critical}, indent=1))
