"""Which job of which batch system, grid or CI this is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from herdbook.model.identifiers import Identifier

_AD_LIMIT = 4_000_000
_ATTRIBUTE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)")
_TEXT = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NUMBER = re.compile(r"-?[0-9]+")
_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


def read(variables: Mapping[str, str]) -> list[Identifier]:
    """Return the ids of this job, each as its system writes it; empty at a prompt.

    A pilot's job stands beside the job that it runs: ``panda-job`` and ``htcondor-job``, say.
    """
    pairs = [pair for reader in _READERS for pair in reader(variables)]
    shown = [(scheme, value) for scheme, value in pairs if value and len(value) <= 1000 and value.isprintable()]
    return [Identifier(scheme=scheme, value=value) for scheme, value in dict.fromkeys(shown)]


def attributes(text: str) -> dict[str, str]:
    """Return the attributes of a job's ClassAd in its old form, a line each, whose value is a text or a number.

    Names are in lower case, as HTCondor compares them; expressions are left out.
    """
    found: dict[str, str] = {}
    for line in text.splitlines():
        match = _ATTRIBUTE.fullmatch(line.strip())
        if match is None:
            continue
        value = match[2].strip()
        if quoted := _TEXT.fullmatch(value):
            found[match[1].lower()] = re.sub(r'\\(["\\])', r"\1", quoted[1])
        elif _NUMBER.fullmatch(value):
            found[match[1].lower()] = value
    return found


_Pairs = list[tuple[str, str]]


def _htcondor(variables: Mapping[str, str]) -> _Pairs:
    """Read the job's own ad: ``GlobalJobId`` is SCHEDD#CLUSTER.PROC#TIME, and CRAB's task and job stand in it too."""
    path = variables.get("_CONDOR_JOB_AD")
    if not path:
        return []
    try:
        with Path(path).open("rb") as file:
            ad = attributes(file.read(_AD_LIMIT).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return []
    found: _Pairs = []
    if job := ad.get("globaljobid"):
        found.append(("htcondor-job", job))
    elif "clusterid" in ad and "procid" in ad:
        found.append(("htcondor-job", f"{ad['clusterid']}.{ad['procid']}"))
    if task := ad.get("crab_reqname"):
        found.append(("crab-job", f"{task}#{ad['crab_id']}" if "crab_id" in ad else task))
    return found


def _slurm(variables: Mapping[str, str]) -> _Pairs:
    job, array, task = (variables.get(f"SLURM_{name}", "") for name in ("JOB_ID", "ARRAY_JOB_ID", "ARRAY_TASK_ID"))
    return [("slurm-job", f"{array}_{task}" if array and task else job)]


def _lsf(variables: Mapping[str, str]) -> _Pairs:
    job, index = variables.get("LSB_JOBID", ""), variables.get("LSB_JOBINDEX", "0")
    return [("lsf-job", f"{job}[{index}]" if job and index not in {"", "0"} else job)]


def _sge(variables: Mapping[str, str]) -> _Pairs:
    """Read Grid Engine's JOB_ID, a name so common that SGE_TASK_ID, which stands in every job of it, must be there."""
    job, task = variables.get("JOB_ID", ""), variables.get("SGE_TASK_ID")
    if task is None:
        return []
    return [("sge-job", f"{job}.{task}" if job and task.isdigit() else job)]


def _grid(variables: Mapping[str, str]) -> _Pairs:
    """Read PanDA's and DIRAC's job (LHCb, Belle II's gbasf2, ILC), and the computing element's."""
    return [
        ("panda-job", variables.get("PandaID") or variables.get("PANDAID", "")),
        ("dirac-job", variables.get("DIRACJOBID", "")),
        ("alien-job", variables.get("ALIEN_PROC_ID", "")),
        ("pbs-job", variables.get("PBS_JOBID", "")),
    ]


def _kubernetes(variables: Mapping[str, str]) -> _Pairs:
    """Read REANA's workflow and the pod: its namespace from the service account, its name from HOSTNAME."""
    pod = variables.get("HOSTNAME", "") if "KUBERNETES_SERVICE_HOST" in variables else ""
    try:
        namespace = _NAMESPACE.read_text("ascii").strip() if pod else ""
    except (OSError, ValueError):
        namespace = ""
    found = [("kubernetes-pod", f"{namespace}/{pod}" if namespace else pod)]
    workflow = re.search(
        r"/workflows/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", variables.get("REANA_WORKSPACE", "")
    )
    return [*found, ("reana-workflow", workflow[1])] if workflow else found


def _ci(variables: Mapping[str, str]) -> _Pairs:
    server, repository, run = (variables.get(f"GITHUB_{name}", "") for name in ("SERVER_URL", "REPOSITORY", "RUN_ID"))
    found = [("gitlab-job", variables.get("CI_JOB_URL", "") if variables.get("GITLAB_CI") else "")]
    if server and repository and run:
        attempt = variables.get("GITHUB_RUN_ATTEMPT", "1")
        found.append(("github-run", f"{server}/{repository}/actions/runs/{run}/attempts/{attempt}"))
    return found


_READERS = (_grid, _htcondor, _slurm, _lsf, _sge, _kubernetes, _ci)
