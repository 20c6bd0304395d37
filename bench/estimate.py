"""Medians of interleaved rounds, with the interval in which the median probably lies."""

import random
from statistics import median

RESAMPLES = 1000


def estimate(values):
    """The median, and bounds between which 95 % of bootstrapped medians lie."""
    draw = random.Random(1)
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    low, high = medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000]
    return {"median": median(values), "low": low, "high": high}


def ratio(values, others):
    """The same of the ratios within each round: what disturbed the machine disturbed both."""
    return estimate([value / other for value, other in zip(values, others)])
