"""The id of the job beside the id of the run: so that a log of the batch system can be found again."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from herdbook.capture import batch

AD = """
Args = "--seed 1"
ClusterId = 4711
GlobalJobId = "bigbird17.cern.ch#4711.3#1763712000"
Iwd = "/afs/cern.ch/work/m/me"
ProcId = 3
Requirements = (TARGET.Arch == "X86_64") && (TARGET.OpSys == "LINUX")
CRAB_ReqName = "261101_120000:me_crab_taus"
CRAB_Id = "12"
"""


@pytest.mark.parametrize(
    ("variables", "ids"),
    [
        ({}, []),
        ({"SLURM_JOB_ID": "77"}, ["slurm-job:77"]),
        ({"SLURM_JOB_ID": "79", "SLURM_ARRAY_JOB_ID": "77", "SLURM_ARRAY_TASK_ID": "2"}, ["slurm-job:77_2"]),
        ({"LSB_JOBID": "5", "LSB_JOBINDEX": "0"}, ["lsf-job:5"]),
        ({"LSB_JOBID": "5", "LSB_JOBINDEX": "8"}, ["lsf-job:5[8]"]),
        ({"PBS_JOBID": "12[3].server"}, ["pbs-job:12[3].server"]),
        ({"JOB_ID": "5"}, []),
        ({"JOB_ID": "5", "SGE_TASK_ID": "undefined"}, ["sge-job:5"]),
        ({"JOB_ID": "5", "SGE_TASK_ID": "2"}, ["sge-job:5.2"]),
        ({"PandaID": "6000000001", "PBS_JOBID": "1.ce"}, ["panda-job:6000000001", "pbs-job:1.ce"]),
        ({"DIRACJOBID": "9"}, ["dirac-job:9"]),
        ({"ALIEN_PROC_ID": "3"}, ["alien-job:3"]),
        (
            {"REANA_WORKSPACE": "/var/reana/users/u/workflows/6c0d2a51-1111-4222-8333-444455556666/x"},
            ["reana-workflow:6c0d2a51-1111-4222-8333-444455556666"],
        ),
        ({"KUBERNETES_SERVICE_HOST": "10.0.0.1", "HOSTNAME": "train-abc"}, ["kubernetes-pod:train-abc"]),
        ({"HOSTNAME": "laptop"}, []),
        (
            {"GITHUB_SERVER_URL": "https://h.org", "GITHUB_REPOSITORY": "a/b", "GITHUB_RUN_ID": "7"},
            ["github-run:https://h.org/a/b/actions/runs/7/attempts/1"],
        ),
        ({"GITLAB_CI": "true", "CI_JOB_URL": "https://h.org/a/-/jobs/1"}, ["gitlab-job:https://h.org/a/-/jobs/1"]),
        ({"SLURM_JOB_ID": "7\n7"}, []),
    ],
)
def test_ids_are_those_of_the_system_as_it_writes_them(variables: dict[str, str], ids: list[str]) -> None:
    assert [str(each) for each in batch.read(variables)] == ids


def test_a_job_of_htcondor_is_told_by_its_own_ad_with_scheduler_and_task(tmp_path: Path) -> None:
    (tmp_path / ".job.ad").write_text(AD)
    told = batch.read({"_CONDOR_JOB_AD": str(tmp_path / ".job.ad")})
    assert [(each.scheme, each.value) for each in told] == [
        ("htcondor-job", "bigbird17.cern.ch#4711.3#1763712000"),
        ("crab-job", "261101_120000:me_crab_taus#12"),
    ]
    (tmp_path / ".job.ad").write_text("CLUSTERID = 1\nprocid = 0\n")
    assert [str(each) for each in batch.read({"_CONDOR_JOB_AD": str(tmp_path / ".job.ad")})] == ["htcondor-job:1.0"]


@pytest.mark.parametrize("path", ["", "/nowhere/ad", "/", "\0"])
def test_a_job_ad_that_cannot_be_read_is_no_job(path: str) -> None:
    assert batch.read({"_CONDOR_JOB_AD": path}) == []


@given(st.text(st.characters(exclude_characters="\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029", exclude_categories=["Cs"])))
def test_a_text_in_an_ad_comes_back_as_it_was_quoted(value: str) -> None:
    quoted = value.replace("\\", "\\\\").replace('"', '\\"')
    assert batch.attributes(f'Before = 1\nGlobalJobId = "{quoted}"\nAfter = -2') == {
        "before": "1",
        "globaljobid": value,
        "after": "-2",
    }


@given(st.text())
def test_any_text_is_an_ad_with_something_or_nothing_in_it(text: str) -> None:
    batch.attributes(text)
