"""How well a classifier does, and how well that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Quality:
    """Figures of merit on one split, with one-standard-deviation statistical uncertainties.

    Attributes:
        events: how many, of which ``taus`` are signal.
        auc: area under the ROC curve.
        cut: score above which ``efficiency`` of the taus lie.
        passed: jets above the cut.
        rejection: jets for each jet above the cut; infinite when none is.
    """

    events: int
    taus: int
    auc: float
    auc_stat: float
    efficiency: float
    cut: float
    passed: int
    rejection: float
    rejection_stat: float


def measure(scores: Array, truth: Array, efficiency: float = 0.75) -> Quality:
    """Compare scores with the truth, both of shape (n,).

    The area is the Mann-Whitney statistic over the product of the counts, a tie counting half; its uncertainty is that
    of Hanley and McNeil, Radiology 143 (1982) 29. The rejection is n/k for k of n jets above the cut; its uncertainty
    is the binomial one of k, carried over to first order: (n/k) sqrt((1 - k/n)/k). The cut is taken from the same
    taus, whose own fluctuation is not counted.
    """
    signal, noise = scores[truth == 1], scores[truth == 0]
    auc = area(signal, noise)
    cut = float(np.quantile(signal, 1 - efficiency))
    passed = int(np.count_nonzero(noise >= cut))
    rejection = len(noise) / passed if passed else float("inf")
    spread = rejection * ((1 - passed / len(noise)) / passed) ** 0.5 if passed else float("nan")
    return Quality(
        events=len(scores),
        taus=len(signal),
        auc=auc,
        auc_stat=area_uncertainty(auc, len(signal), len(noise)),
        efficiency=efficiency,
        cut=cut,
        passed=passed,
        rejection=rejection,
        rejection_stat=spread,
    )


def area(signal: Array, noise: Array) -> float:
    """Return the probability that a signal's score is above a background's, a tie counting half."""
    ordered = np.sort(noise)
    below = np.searchsorted(ordered, signal, side="left").sum(dtype=np.int64)
    not_above = np.searchsorted(ordered, signal, side="right").sum(dtype=np.int64)
    return float(below + not_above) / (2 * len(signal) * len(noise))


def area_uncertainty(auc: float, signal: int, noise: int) -> float:
    """Return the standard error of an area under the ROC curve: Hanley and McNeil, Radiology 143 (1982) 29, eq. 1."""
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (signal - 1) * (q1 - auc**2) + (noise - 1) * (q2 - auc**2)
    return float((variance / (signal * noise)) ** 0.5)
