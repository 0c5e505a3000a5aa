"""Commands a fleet over SSM as boto3 does. usage: localcloud_fleet.py READY_FILE SCENARIO"""

import sys
import time

from botocore.exceptions import ParamValidationError
from localcloud_aws import describe, ec2, launch, operator, refused, ssm, tagged, wait

FINAL = ("Success", "Failed", "Cancelled", "TimedOut")


def fleet(count, **tags):
    specification = [tagged("instance", **tags)] if tags else []
    instances = launch(MinCount=count, MaxCount=count, TagSpecifications=specification)
    ids = [instance["InstanceId"] for instance in instances]
    wait(lambda: online(ids) == set(ids))
    return ids


def online(ids):
    found = set()
    for start in range(0, len(ids), 50):
        filters = [{"Key": "InstanceIds", "Values": ids[start : start + 50]}]
        page = ssm.describe_instance_information(Filters=filters, MaxResults=50)
        found |= {i["InstanceId"] for i in page["InstanceInformationList"] if i["PingStatus"] == "Online"}
    return found


def send(ids, *lines, parameters=None, **options):
    return ssm.send_command(
        InstanceIds=ids,
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": list(lines) or ["true"], **(parameters or {})},
        **options,
    )["Command"]


def by_target(*targets, **options):
    listed = [{"Key": key, "Values": values} for key, *values in targets]
    return ssm.send_command(
        Targets=listed, DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}, **options
    )["Command"]


def invocations(command, details=True):
    pages = ssm.get_paginator("list_command_invocations").paginate(
        CommandId=command["CommandId"], Details=details
    )
    return [invocation for page in pages for invocation in page["CommandInvocations"]]


def states(command):
    return [(i["Status"], i["StatusDetails"]) for i in invocations(command)]


def ended(command, seconds=15):
    wait(lambda: all(status in FINAL for status, _ in states(command)), seconds)
    return states(command)


def whole(command):
    (found,) = ssm.list_commands(CommandId=command["CommandId"])["Commands"]
    return found


def addressing():
    ids = fleet(51, wave="one") + fleet(2, wave="two", canary="yes")
    refused("ValidationException", 400, send, ids[:51])
    refused("ValidationException", 400, send, [])
    refused("DuplicateInstanceId", 400, send, [ids[0], ids[0]])
    ec2.stop_instances(InstanceIds=[ids[1]])
    ec2.terminate_instances(InstanceIds=[ids[2]])
    wait(lambda: describe(ids[1])[0]["State"]["Name"] == "stopped")
    wait(lambda: describe(ids[2])[0]["State"]["Name"] == "terminated")
    strange = "i-" + "0" * 17
    said = refused("InvalidInstanceId", 400, send, [*ids[:5], strange])
    assert all(i in said for i in (ids[1], ids[2], strange)) and ids[0] not in said, said
    assert ssm.list_commands()["Commands"] == [], "nothing was sent to anybody"

    usable = [ids[0], *ids[3:51]]
    sent = send(usable)
    assert (sent["TargetCount"], sent["InstanceIds"]) == (49, usable)
    assert (sent["MaxConcurrency"], sent["MaxErrors"]) == ("50", "0")
    assert ended(sent) == [("Success", "Success")] * 49
    done = whole(sent)
    counts = [done[name] for name in ("TargetCount", "CompletedCount", "ErrorCount", "Status")]
    assert counts == [49, 49, 0, "Success"]
    assert done["RequestedDateTime"] < done["ExpiresAfter"]

    sent = by_target(("tag:wave", "one", "two"), ("tag:canary", "yes"))
    ended(sent)
    assert [i["InstanceId"] for i in invocations(sent)] == ids[51:] and sent["InstanceIds"] == []
    assert by_target(("tag:wave", "one"))["TargetCount"] == 49
    assert by_target(("tag-key", "canary"))["TargetCount"] == 2
    assert by_target(("InstanceIds", *ids[51:]))["TargetCount"] == 2
    nobody = by_target(("tag:wave", "nine"))
    assert nobody["TargetCount"] == 0 and whole(nobody)["StatusDetails"] == "NoInstancesInTag"
    refused("ValidationException", 400, by_target, *[("tag:wave", "one")] * 6)
    refused("ValidationException", 400, by_target, ("wave", "one"))
    refused("ValidationException", 400, by_target, ("tag:wave", "one"), InstanceIds=ids[:1])


def rate_control():
    ids = fleet(5)
    failed, terminated = ("Failed", "Failed"), ("Cancelled", "Terminated")
    sent = send(ids, "exit 3", MaxConcurrency="1", MaxErrors="1")
    assert ended(sent) == [failed] * 2 + [terminated] * 3, "one error is allowed, the second is one too many"
    assert [i["CommandPlugins"][0]["ResponseCode"] for i in invocations(sent)] == [3, 3, -1, -1, -1]
    done = whole(sent)
    assert [done[n] for n in ("CompletedCount", "ErrorCount", "Status")] == [5, 2, "Failed"]
    assert ended(send(ids, "exit 3", MaxConcurrency="20%", MaxErrors="40%")) == [failed] * 3 + [terminated] * 2
    assert ended(send(ids, "exit 3")) == [failed] * 5, "what has started is not stopped"
    sent = send(ids, "sleep 5", parameters={"executionTimeout": ["1"]}, MaxConcurrency="1")
    assert ended(sent) == [("TimedOut", "Execution Timed Out")] + [terminated] * 4
    assert (whole(sent)["Status"], whole(sent)["ErrorCount"]) == ("TimedOut", 1)

    started = time.monotonic()
    sent = send(ids, "sleep 0.3", MaxConcurrency="2")
    most = 0
    while any(status not in FINAL for status, _ in states(sent)):
        most = max(most, states(sent).count(("InProgress", "InProgress")))
    assert most == 2 and 0.9 <= time.monotonic() - started < 5, most
    for wrong in ({"MaxConcurrency": "0"}, {"MaxConcurrency": "101%"}, {"MaxErrors": "-1"}, {"MaxErrors": "1.5"}):
        refused("ValidationException", 400, send, ids, **wrong)


def lists():
    ids = fleet(12, page="yes")
    sent = send(ids, "echo " + "x" * 30_000, "nonsense")
    ended(sent)
    pages = list(
        ssm.get_paginator("list_command_invocations").paginate(
            CommandId=sent["CommandId"], Details=True, PaginationConfig={"PageSize": 5}
        )
    )
    assert [len(page["CommandInvocations"]) for page in pages] == [5, 5, 2]
    assert [i["InstanceId"] for page in pages for i in page["CommandInvocations"]] == ids
    (plugin,) = pages[0]["CommandInvocations"][0]["CommandPlugins"]
    assert plugin["ResponseCode"] == 127 and len(plugin["Output"]) == 2_500
    assert invocations(sent, details=False)[0]["CommandPlugins"] == []
    short = send(ids[:1], "echo one", "nonsense")
    ended(short)
    output = invocations(short)[0]["CommandPlugins"][0]["Output"]
    assert output.startswith("one\n\n----------ERROR-------\n") and "nonsense: not found" in output
    mine = ssm.list_command_invocations(InstanceId=ids[0])["CommandInvocations"]
    assert [i["CommandId"] for i in mine] == [sent["CommandId"], short["CommandId"]]
    assert len(ssm.list_commands(InstanceId=ids[1])["Commands"]) == 1
    nobody = "00000000-0000-0000-0000-000000000000"
    refused("InvalidCommandId", 400, ssm.list_command_invocations, CommandId=nobody)
    refused("InvalidCommandId", 400, ssm.cancel_command, CommandId=nobody)
    refused("InvalidNextToken", 400, ssm.list_command_invocations, NextToken="nonsense")
    refused("ValidationException", 400, ssm.list_command_invocations, MaxResults=51)

    information = ssm.describe_instance_information
    assert len(information()["InstanceInformationList"]) == 10, "a page is ten unless it is said"
    pages = list(
        ssm.get_paginator("describe_instance_information").paginate(PaginationConfig={"PageSize": 5})
    )
    assert [len(page["InstanceInformationList"]) for page in pages] == [5, 5, 2]
    refused("ValidationException", 400, information, MaxResults=51)
    try:
        information(MaxResults=4)
        raise AssertionError("four is too few")
    except ParamValidationError:
        pass
    count = lambda *filters: len(
        information(Filters=[{"Key": k, "Values": v} for k, *v in filters], MaxResults=50)[
            "InstanceInformationList"
        ]
    )
    assert count(("InstanceIds", *ids[:3])) == 3 and count(("tag:page", "yes", "no")) == 12
    assert count(("PingStatus", "ConnectionLost")) == 0 and count(("PingStatus", "Online")) == 12
    refused("InvalidFilterKey", 400, count, ("Colour", "red"))
    refused("InvalidInstanceInformationFilterValue", 400, count, ("tag:page", "yes"), ("PingStatus", "Online"))


def agent(identity, state):
    assert operator("PUT", f"instances/{identity}", {"agent": state})[0] == 204


def offline():
    first, second, third = ids = fleet(3)
    agent(second, "offline")
    assert online(ids) == {first, third}
    lost = [{"Key": "PingStatus", "Values": ["ConnectionLost"]}]
    (seen,) = ssm.describe_instance_information(Filters=lost)["InstanceInformationList"]
    assert seen["InstanceId"] == second and describe(second)[0]["State"]["Name"] == "running"
    never = send(ids, "echo hello", TimeoutSeconds=30, MaxConcurrency="1")
    later = send([second], "echo hello")
    cancelled = send([second, first], "echo hello", MaxConcurrency="1")
    time.sleep(0.5)
    assert states(later) == [("Pending", "Pending")] and whole(later)["Status"] == "Pending"
    assert states(never) == [("Success", "Success"), ("Pending", "Pending"), ("Pending", "Pending")]
    refused("InvalidInstanceId", 400, ssm.cancel_command, CommandId=cancelled["CommandId"], InstanceIds=[third])
    ssm.cancel_command(CommandId=cancelled["CommandId"])
    assert ended(cancelled) == [("Cancelled", "Cancelled")] * 2
    assert whole(cancelled)["Status"] == "Cancelled"
    # A delivery that failed is no error: the third gets it although MaxErrors is 0.
    assert ended(never, 40) == [("Success", "Success"), ("TimedOut", "Delivery Timed Out"), ("Success", "Success")]
    assert invocations(never)[1]["CommandPlugins"][0]["ResponseCode"] == -1
    done = whole(never)
    assert [done[n] for n in ("CompletedCount", "ErrorCount", "DeliveryTimedOutCount")] == [3, 0, 1]
    agent(second, "online")
    assert ended(later) == [("Success", "Success")] and online(ids) == set(ids)

    running = send([first], "sleep 1", "echo done")
    wait(lambda: states(running) == [("InProgress", "InProgress")])
    agent(first, "offline")
    time.sleep(1.5)
    assert states(running) == [("InProgress", "InProgress")], "nobody has heard of the end yet"
    agent(first, "online")
    assert ended(running) == [("Success", "Success")]
    running = send([first], "sleep 1")
    wait(lambda: states(running) == [("InProgress", "InProgress")])
    ssm.cancel_command(CommandId=running["CommandId"], InstanceIds=[first])
    assert states(running) == [("Cancelling", "Cancelling")]
    assert ended(running) == [("Cancelled", "Cancelled")]
    agent(third, "offline")
    gone = send([third])
    ec2.terminate_instances(InstanceIds=[third])
    assert ended(gone) == [("Failed", "Undeliverable")] and whole(gone)["ErrorCount"] == 0
    assert operator("PUT", f"instances/{first}", {"agent": "asleep"})[0] == 400


if __name__ == "__main__":
    globals()[sys.argv[2]]()
