"""Redeploys simulated tenants and watches them. usage: localcloud_redeploy.py READY_FILE SCENARIO"""

import json
import sys
import threading
import time

from localcloud_aws import operator, ssm
from localcloud_instance import Platform, launch, wait

AGENT = "/usr/local/bin/tenant-agent "
TENANT = "r/molecule-tenant@sha256:"


def tenants(*slugs):
    platform = Platform("no-tunnel")
    ids = [launch(platform, slug=slug)[0] for slug in slugs]
    complete = lambda: sum(e["stage"] == "complete" and e["outcome"] == "succeeded" for e, _ in platform.events())
    wait(lambda: complete() == len(slugs))
    return ids


def ran(instance, line, timeout=3600):
    sent = ssm.send_command(
        InstanceIds=[instance],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": [AGENT + line], "executionTimeout": [str(timeout)]},
    )["Command"]["CommandId"]
    look = lambda: ssm.get_command_invocation(CommandId=sent, InstanceId=instance)
    wait(lambda: look()["Status"] not in ("Pending", "InProgress"))
    return look()


def told(instance, line):
    done = ran(instance, line)
    return done["ResponseCode"], json.loads(done["StandardOutputContent"])


def redeploy(instance, digest, *options):
    status, report = told(instance, " ".join(["redeploy", *options, "--image", TENANT + digest]))
    return status, report["outcome"], report.get("code"), report.get("digest")


def simulate(*rules, **more):
    assert operator("PUT", "simulation", {"rules": list(rules), **more})[0] == 204


def images(instance):
    state = operator("GET", "state")[1]
    return next(i["images"] for i in state["instances"] if i["id"] == instance)


def commands():
    (one,) = tenants("acme")
    status, report = told(one, f"redeploy --drain 5 --id r1 --deadline 60 --image '{TENANT}b'")
    assert (status, report["outcome"], report["service"]) == (0, "updated", "tenant")
    assert (report["previous_digest"], report["digest"], report["healthy"]) == ("sha256:aaa", "sha256:b", True)
    assert told(one, f"redeploy --image {TENANT}c --id r1") == (0, report), "an id happens once"
    assert redeploy(one, "b", "--id", "r2") == (0, "unchanged", None, "sha256:b")
    assert redeploy(one, "c", "--dry-run", "--id", "r3") == (0, "ready", None, "sha256:b")
    assert redeploy(one, "missing", "--dry-run") == (11, "refused", "image_not_found", "sha256:b")
    assert redeploy(one, "broken", "--id", "r4") == (10, "rolled_back", "unhealthy", "sha256:b")
    assert redeploy(one, "c", "--id", "r4") == (10, "rolled_back", "unhealthy", "sha256:b")
    assert redeploy(one, "c", "--id", "r3") == (0, "updated", None, "sha256:c"), "a dry run is not recorded"
    for service in ("memory-plugin", "redis", "postgres", "cloudflared"):
        status, report = told(one, f"redeploy --image r/{service}@sha256:{service} --service {service}")
        assert (status, report["outcome"], report["service"]) == (0, "updated", service)
        assert (report.get("previous_digest"), report["digest"]) == (None, "sha256:" + service)
        assert images(one)[service] == f"r/{service}@sha256:{service}"
    assert images(one)["tenant"] == TENANT + "c"
    for wrong in (
        "redeploy",
        "redeploy --image",
        "redeploy --image a@sha256:b --deadline 1801",
        "redeploy --image a@sha256:b --service kafka",
        "redeploy --refresh --image a@sha256:b",
        "fly",
    ):
        done = ran(one, wrong)
        assert (done["ResponseCode"], done["StandardOutputContent"]) == (64, ""), wrong
    # This platform has no configuration to give.
    assert told(one, "redeploy --refresh --id r9")[1]["code"] == "platform_unreachable"
    observed = told(one, "observe")[1]
    assert (observed["digest"], observed["healthy"], observed["restarts"]) == ("sha256:c", True, 0)
    assert observed["before"] == {"seconds": 3600, "requests": 0, "errors": 0}


def rules():
    good, bad, slow = tenants("good", "bad", "slow")
    simulate({"image": "v2", "slugs": ["bad"], "fault": "broken"}, {"slugs": ["slow"], "redeploy_ms": 1500})
    assert redeploy(good, "v2")[1] == "updated" and redeploy(bad, "v2")[1] == "rolled_back"
    first = []
    thread = threading.Thread(target=lambda: first.append(told(slow, f"redeploy --id s --image {TENANT}v2")))
    started = time.monotonic()
    thread.start()
    time.sleep(0.4)
    assert redeploy(slow, "v3", "--id", "other") == (11, "refused", "busy", "sha256:aaa")
    assert told(slow, f"redeploy --image {TENANT}v2 --id s")[1]["outcome"] == "updated"
    thread.join()
    assert first[0][1]["outcome"] == "updated" and 1.5 <= time.monotonic() - started < 2.9
    cut = ran(slow, f"redeploy --id cut --image {TENANT}v3", timeout=1)
    assert (cut["StatusDetails"], cut["StandardOutputContent"]) == ("Execution Timed Out", "")
    assert images(slow)["tenant"] == TENANT + "v2" and redeploy(slow, "v3", "--id", "cut")[1] == "updated"

    simulate(
        {"slugs": ["good"], "image": "v4", "fault": "no_report"},
        {"slugs": ["bad"], "fault": "schema_mismatch"},
        {"slugs": ["slow"], "fault": "failed"},
    )
    quiet = ran(good, f"redeploy --image {TENANT}v4 --id q")
    assert (quiet["Status"], quiet["ResponseCode"], quiet["StandardOutputContent"]) == ("Success", 0, "")
    assert images(good)["tenant"] == TENANT + "v4"
    assert redeploy(bad, "v4") == (11, "refused", "schema_mismatch", "sha256:aaa")
    assert redeploy(bad, "v4", "--dry-run") == (11, "refused", "schema_mismatch", "sha256:aaa")
    status, report = told(slow, f"redeploy --image {TENANT}v4")
    assert (status, report["outcome"], report["healthy"]) == (12, "failed", False)
    assert told(slow, "observe")[1]["healthy"] is False
    simulate()
    assert redeploy(slow, "v5")[1] == "updated" and told(slow, "observe")[1]["healthy"] is True


def observations():
    first, second = tenants("first", "second")
    assert told(first, "observe")[1].get("before") is None, "no image ran before the first"
    calm = {"requests": 900, "errors": 1, "p95_ms": 40}
    rough = {"requests": 300, "errors": 60, "p95_ms": 900}
    simulate(
        {"image": "v2", "slugs": ["second"], "after_ms": 1000, "restarts": 3, "unhealthy": True, "since": rough},
        {"before": calm, "since": calm},
    )
    assert redeploy(first, "v2")[1] == redeploy(second, "v2")[1] == "updated"
    expected = {"requests": 900, "errors": 1, "p95_ms": 40}
    seen = told(second, "observe")[1]
    assert (seen["healthy"], seen["restarts"], seen["before"]) == (True, 0, {"seconds": 3600, **expected})
    assert seen["since"] == {"seconds": seen["up_seconds"], **expected}
    seen = wait(lambda: (now := told(second, "observe")[1]) and not now["healthy"] and now)
    assert (seen["restarts"], seen["since"]["errors"], seen["since"]["p95_ms"]) == (3, 60, 900)
    assert seen["up_seconds"] >= 1 and seen["digest"] == "sha256:v2"
    assert told(first, "observe")[1]["healthy"] is True
    simulate({"image": "v3", "unhealthy": True})
    assert redeploy(first, "v3")[1] == "rolled_back", "unhealthy from the start"


if __name__ == "__main__":
    globals()[sys.argv[2]]()
