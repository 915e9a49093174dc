"""Which environment variables a record may hold: those that change what a training computes or finds, no others."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping

ALLOWED = (
    *("LANG", "LC_ALL", "LC_NUMERIC", "TZ", "SOURCE_DATE_EPOCH"),
    *("LD_LIBRARY_PATH", "LD_PRELOAD", "ROOT_INCLUDE_PATH", "ROOTSYS", "CMAKE_PREFIX_PATH"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONHASHSEED", "PYTHONOPTIMIZE", "PYTHONNOUSERSITE", "PYTHONUTF8"),
    *("VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PIXI_ENVIRONMENT_NAME", "MODULEPATH", "LOADEDMODULES"),
    *("OMP_*", "MKL_*", "OPENBLAS_*", "BLIS_*", "GOTO_NUM_THREADS", "NUMEXPR_*", "KMP_*", "DNNL_*", "ONEDNN_*"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_HOME", "CUDA_LAUNCH_BLOCKING", "CUDA_MODULE_LOADING"),
    *("CUBLAS_WORKSPACE_CONFIG", "CUDNN_*", "NVIDIA_TF32_OVERRIDE", "NVIDIA_VISIBLE_DEVICES", "NCCL_*"),
    *("HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "HSA_OVERRIDE_GFX_VERSION", "MIOPEN_*", "ZE_AFFINITY_MASK"),
    *(
        "TF_DETERMINISTIC_OPS",
        "TF_CUDNN_*",
        "TF_ENABLE_ONEDNN_OPTS",
        "TF_FORCE_GPU_ALLOW_GROWTH",
        "TF_USE_LEGACY_KERAS",
    ),
    *("TF_XLA_FLAGS", "XLA_FLAGS", "XLA_PYTHON_CLIENT_*", "JAX_*", "KERAS_BACKEND", "KERAS_FLOATX"),
    *("PYTORCH_*", "TORCH_*", "TORCHINDUCTOR_*", "ATEN_CPU_CAPABILITY", "RANK", "LOCAL_RANK", "WORLD_SIZE"),
    *(
        "SCRAM_ARCH",
        "CMSSW_VERSION",
        "CMSSW_BASE",
        "CMSSW_RELEASE_BASE",
        "CMSSW_SEARCH_PATH",
        "BINARY_TAG",
        "CMTCONFIG",
    ),
    *(
        "LCG_VERSION",
        "LCG_PLATFORM",
        "KEY4HEP_STACK",
        "AtlasProject",
        "AtlasVersion",
        "BELLE2_RELEASE",
        "BELLE2_OPTION",
    ),
)
"""Names, or shell patterns of names. Whatever may hold a token, a password or a person's name is not among them."""

LICENCES = (
    *("LM_LICENSE_FILE", "SALT_LICENSE_SERVER", "XILINXD_LICENSE_FILE", "ALTERAD_LICENSE_FILE", "MGLS_LICENSE_FILE"),
    *("SNPSLMD_LICENSE_FILE", "CDS_LIC_FILE", "MLM_LICENSE_FILE"),
)
"""Variables that name a licence server or file: that they were set is told, not what they say."""

WITHHELD = "(withheld)"
LONGEST = 32_768
_NEVER = ("*TOKEN*", "*SECRET*", "*PASSW*", "*CREDENTIAL*", "*API_KEY*", "*APIKEY*", "*PRIVATE_KEY*")


def allowed(variables: Mapping[str, str]) -> dict[str, str]:
    """Return what a record may hold of these variables, by name; a value beyond 32,768 characters is withheld."""
    found: dict[str, str] = {}
    for name, value in sorted(variables.items()):
        if name in LICENCES:
            found[name] = WITHHELD
        elif _matches(name, ALLOWED) and not _matches(name.upper(), _NEVER):
            text = value.encode("utf-8", "replace").decode("utf-8")
            found[name] = text if len(text) <= LONGEST else WITHHELD
    return found


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
