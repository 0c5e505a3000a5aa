"""What schemathesis does besides: real names half of the time, a look for secrets, and counts."""

import atexit
import json
import os
import pathlib

import schemathesis

job = json.loads(os.environ["OPENAPI_FUZZ"])
seen = {"cases": 0, "operations": set()}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """A name that exists leads further into the service than one that was made up."""
    if path_parameters and isinstance(path_parameters.get("slug"), str) and len(path_parameters["slug"]) % 2:
        path_parameters["slug"] = job["slug"]
    return path_parameters


@schemathesis.check
def no_secret(context, response, case):
    seen["cases"] += 1
    seen["operations"].add(case.operation.label)
    if any(case.operation.path.endswith(path) for path in job["may_show"]):
        return
    for number, secret in enumerate(job["secrets"]):
        assert secret.encode() not in response.content, f"the answer holds secret {number}"


@atexit.register
def report():
    counts = {"cases": seen["cases"], "operations": len(seen["operations"])}
    pathlib.Path(job["report"]).write_text(json.dumps(counts))
