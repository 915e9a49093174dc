"""A toy of hadronic tau candidates and of the jets that look like them.

Every distribution below is made up. It has the shape that textbooks describe and figures of a plausible size, and comes
from no detector, no simulation and no publication; nothing about a real experiment follows from it. The ideas: a tau
decays hadronically into one or three charged particles and up to two neutral pions, through the rho and a1 resonances
(branching fractions and masses rounded from the Review of Particle Physics, https://pdg.lbl.gov), so it is narrow,
isolated, light and flies a little; a jet of quarks or gluons is wider, has more tracks and activity around it, and all
that grows with its transverse momentum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Table = npt.NDArray[np.void]

TRUTH = "is_tau"
"""The column that says what the candidate was: 1 a tau, 0 a jet."""


@dataclass(frozen=True, slots=True)
class Column:
    """A feature: its name, its UCUM unit (``1``: none), and what it means."""

    name: str
    unit: str
    meaning: str


COLUMNS = (
    Column("pt", "GeV", "transverse momentum of the candidate"),
    Column("eta", "1", "pseudorapidity of the candidate"),
    Column("n_vertices", "1", "number of reconstructed primary vertices, a measure of pile-up"),
    Column("n_tracks", "1", "number of charged tracks within dR < 0.2"),
    Column("lead_fraction", "1", "momentum of the leading track over that of the candidate"),
    Column("track_width", "rad", "momentum-weighted mean distance dR of the tracks from the axis"),
    Column("em_fraction", "1", "share of the energy in the electromagnetic calorimeter"),
    Column("isolation", "1", "transverse momentum in the ring 0.2 < dR < 0.4 over that of the candidate"),
    Column("mass", "GeV", "visible invariant mass of the candidate"),
    Column("ip_significance", "1", "signed impact parameter of the leading track over its uncertainty"),
)


@dataclass(frozen=True, slots=True)
class Period:
    """Conditions of data taking: mean number of vertices, and how much worse than nominal the tracks are measured."""

    name: str
    mean_vertices: float
    track_smearing: float


PERIODS = {"A": Period("A", 35.0, 1.0), "B": Period("B", 70.0, 1.3)}
"""The two periods: A is where the first model was trained; B has twice the pile-up and an aged tracker."""


@dataclass(frozen=True, slots=True)
class Decay:
    """A decay of the tau: share of hadronic decays, tracks, mass and its width in GeV, two Beta distributions."""

    share: float
    tracks: int
    mass: float
    width: float
    lead: tuple[float, float]
    em: tuple[float, float]


DECAYS = (
    Decay(0.18, 1, 0.14, 0.02, (12.0, 0.9), (1.2, 6.0)),  # one charged hadron
    Decay(0.41, 1, 0.77, 0.15, (2.2, 1.8), (3.0, 2.5)),  # with a neutral pion, through the rho
    Decay(0.16, 1, 1.10, 0.22, (2.0, 3.0), (4.0, 1.8)),  # with two neutral pions, through the a1
    Decay(0.17, 3, 1.15, 0.20, (4.0, 3.5), (1.3, 7.0)),  # three charged hadrons, through the a1
    Decay(0.08, 3, 1.35, 0.20, (3.5, 5.0), (2.5, 4.0)),  # three charged hadrons and a neutral pion
)


def draw(count: int, period: Period, rng: np.random.Generator) -> Table:
    """Draw candidates, half taus and half jets, in random order.

    The momentum falls as pt^-3 from 20 to 200 GeV and eta is flat in ±2.3, for taus and jets alike, as if the jets had
    been reweighted: neither tells one from the other alone.

    Returns:
        A structured array of shape (count,): a float32 field for each of ``COLUMNS``, and ``TRUTH`` (uint8).
    """
    truth = rng.permutation(np.arange(count) < count // 2)
    pt = 1.0 / np.sqrt(20.0**-2 - rng.random(count) * (20.0**-2 - 200.0**-2))  # inverse of the cumulative of pt^-3
    eta = rng.uniform(-2.3, 2.3, count)
    vertices = rng.poisson(period.mean_vertices, count).astype(np.float64)
    taus, jets = _taus(pt, rng), _jets(pt, rng)
    values = {name: np.where(truth, taus[name], jets[name]) for name in taus}
    values |= _overlaid(values, pt, vertices, period, rng)
    values |= {"pt": pt, "eta": eta, "n_vertices": vertices}
    table = np.empty(count, dtype=[*((column.name, "<f4") for column in COLUMNS), (TRUTH, "u1")])
    for column in COLUMNS:
        table[column.name] = values[column.name]
    table[TRUTH] = truth
    return table


def _taus(pt: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Return taus as the decay made them, without pile-up.

    Tracks: 1 or 3, each lost in 6 %. Width: Gamma about m/pt, the opening angle of a decay. Isolation: a little
    radiation. Impact parameter: a flight that decays exponentially, mean 1.5 uncertainties.
    """
    count = len(pt)
    mode = rng.choice(len(DECAYS), count, p=[decay.share for decay in DECAYS])
    column = {name: np.array([getattr(decay, name) for decay in DECAYS])[mode] for name in ("tracks", "mass", "width")}
    lead, em = (np.array([getattr(decay, name) for decay in DECAYS])[mode] for name in ("lead", "em"))
    mass = np.clip(rng.normal(column["mass"], column["width"]), 0.14, 1.78)  # a pion's to the tau's
    return {
        "n_tracks": rng.binomial(column["tracks"], 0.94).astype(np.float64),
        "lead_fraction": rng.beta(lead[:, 0], lead[:, 1]),
        "track_width": rng.gamma(2.0, 0.35 * mass / pt),
        "em_fraction": rng.beta(em[:, 0], em[:, 1]),
        "isolation": rng.gamma(0.6, 0.05, count),
        "mass": mass,
        "ip_significance": rng.exponential(1.5, count),
    }


def _jets(pt: Floats, rng: np.random.Generator) -> dict[str, Floats]:
    """Return jets that passed a loose preselection, without pile-up.

    Tracks: 1 + Poisson, growing with log pt. Leading fraction: Beta, softer with more tracks. Width and isolation:
    Gamma, broad. Mass: log-normal, growing as pt^0.6. Impact parameter: none, but for 8 % of heavy flavour with mean 4.
    """
    count = len(pt)
    tracks = 1.0 + rng.poisson(1.3 + 0.9 * np.log(pt / 20.0))
    heavy = rng.random(count) < 0.08
    return {
        "n_tracks": tracks,
        "lead_fraction": rng.beta(2.0, 1.2 + 0.7 * tracks),
        "track_width": rng.gamma(1.6, 0.028 * np.sqrt(40.0 / pt)) * np.where(tracks > 1, 1.0, 0.4),
        "em_fraction": rng.beta(2.0, 2.2, count),
        "isolation": rng.gamma(1.3, 0.13, count),
        "mass": 1.05 * (pt / 20.0) ** 0.6 * rng.lognormal(0.0, 0.5, count),
        "ip_significance": np.where(heavy, rng.exponential(4.0, count), 0.0),
    }


def _overlaid(
    values: dict[str, Floats], pt: Floats, vertices: Floats, period: Period, rng: np.random.Generator
) -> dict[str, Floats]:
    """Return the candidates as measured: with pile-up and finite resolution.

    Pile-up adds tracks (Poisson, 0.012 a vertex), 25 MeV a vertex in the isolation ring on average (Gamma), width and
    mass in proportion to its share of the momentum. Resolutions: 5 % on the leading fraction, 8 % on the mass, one
    uncertainty (more in a period with worse tracks) on the impact parameter.
    """
    count = len(pt)
    share = rng.gamma(2.0, 0.0125 * vertices) / pt
    inside = rng.gamma(1.5, 0.004 * vertices) / pt
    smear = period.track_smearing
    return {
        "n_tracks": np.maximum(1.0, values["n_tracks"] + rng.poisson(0.012 * vertices)),
        "lead_fraction": np.clip(values["lead_fraction"] * rng.normal(1.0, 0.05 * smear, count), 0.01, 1.5),
        "track_width": values["track_width"] + 0.5 * inside + np.abs(rng.normal(0.0, 0.002 * smear, count)),
        "em_fraction": np.clip(values["em_fraction"] + rng.normal(0.0, 0.04, count), 0.0, 1.0),
        "isolation": values["isolation"] + share,
        "mass": np.abs(values["mass"] * rng.normal(1.0, 0.08, count) + 10.0 * inside),
        "ip_significance": values["ip_significance"] / smear + rng.normal(0.0, smear, count),
    }
