"""What the package's libraries leave on the machine: nothing."""

import os
import subprocess
import sys
from pathlib import Path

# Any of these silences onnxruntime's telemetry by itself, and a test on a build server would prove nothing.
SILENCING = (
    "CI TF_BUILD GITHUB_ACTIONS GITLAB_CI CIRCLECI TRAVIS JENKINS_URL CODEBUILD_BUILD_ID BUILDKITE TEAMCITY_VERSION"
    " APPVEYOR BITBUCKET_BUILD_NUMBER SYSTEM_TEAMFOUNDATIONCOLLECTIONURI ORT_RUNNING_UNIT_TESTS ORT_DISABLE_TELEMETRY"
).split()


def test_reading_a_folder_with_onnxruntime_makes_no_telemetry_ready(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if name not in SILENCING and name != "XDG_CACHE_HOME"}
    environment = {**kept, "HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "TMPDIR": str(tmp_path)}
    program = "import strata_train.runtime as r; assert r.onnxruntime.get_available_providers()"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
