"""Runs schemathesis against a service: one job a line in, one verdict a line out.

A job names the service, a credential's headers, and the secrets that no answer may hold. Streams, and what waits
for minutes by design, are left out.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "no_secret",
]
LEFT_OUT = r"stream$|/events$|redeploy-fleet$"
HOOKS = pathlib.Path(__file__).with_name("openapi_hooks.py")


def run(job):
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "counts.json")
        environment = dict(
            os.environ,
            SCHEMATHESIS_HOOKS=str(HOOKS),
            OPENAPI_FUZZ=json.dumps(dict(job, report=str(report))),
            NO_PROXY="127.0.0.1",
        )
        command = [str(pathlib.Path(sys.executable).with_name("schemathesis")), "run", job["url"] + "/cp/openapi.json"]
        command += ["--checks", ",".join(CHECKS), "--max-examples", str(job["examples"]), "--seed", "1"]
        command += ["--phases", job["phases"], "--no-shrink", "--request-timeout", "30"]
        command += ["--suppress-health-check", "all", "--warnings", "off", "--exclude-path-regex", LEFT_OUT]
        command += ["--continue-on-failure", "--no-color"]
        for name, value in job["headers"].items():
            command += ["--header", f"{name}: {value}"]
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        counts = json.loads(report.read_text()) if report.exists() else {"cases": 0, "operations": 0}
        failures = []
        if done.returncode != 0:
            failures = [line for line in done.stdout.splitlines() if line.strip()][-60:] + [done.stderr[-2000:]]
        return dict(counts, credential=job["credential"], failures=failures)


for text in sys.stdin:
    print(json.dumps(run(json.loads(text))), flush=True)
