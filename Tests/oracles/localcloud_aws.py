"""Talks to a running LocalCloud as boto3 does. usage: localcloud_aws.py READY_FILE SCENARIO"""

import base64
import json
import sys
import time
import urllib.error
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

READY = json.load(open(sys.argv[1]))
IMAGE = "ami-0123456789abcdef0"
NO_RETRIES = Config(retries={"total_max_attempts": 1})


def client(service, **options):
    options.setdefault("region_name", READY["region"])
    return boto3.client(service, endpoint_url=READY["aws_endpoint_url"], config=NO_RETRIES, **options)


ec2, ssm, kms, ecr = client("ec2"), client("ssm"), client("kms"), client("ecr")


def refused(code, status, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except ClientError as error:
        found = (error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"])
        assert found == (code, status), found
        assert error.response["ResponseMetadata"]["RequestId"]
        return error.response["Error"]["Message"]
    raise AssertionError(f"{code} was expected")


def launch(**options):
    options = {"ImageId": IMAGE, "InstanceType": "t3.small", "MinCount": 1, "MaxCount": 1, **options}
    return ec2.run_instances(**options)["Instances"]


def describe(*ids):
    found = ec2.describe_instances(InstanceIds=list(ids))["Reservations"]
    return [instance for reservation in found for instance in reservation["Instances"]]


def wait(condition, seconds=15):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
    return value


def running(*ids):
    wait(lambda: all(i["State"]["Name"] == "running" for i in describe(*ids)))


def launch_shapes():
    (instance,) = launch(
        SubnetId=READY["subnet_id"],
        SecurityGroupIds=[READY["security_group_id"]],
        UserData="#!/bin/sh\ntrue\n",
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        BlockDeviceMappings=[{"DeviceName": "/dev/xvda", "Ebs": {"Encrypted": True, "VolumeSize": 20}}],
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "org", "Value": "<a&b> é"}]}],
        IamInstanceProfile={"Name": "tenant"},
    )
    assert instance["State"] == {"Code": 0, "Name": "pending"}
    assert instance["Tags"] == [{"Key": "org", "Value": "<a&b> é"}]
    running(instance["InstanceId"])
    (seen,) = describe(instance["InstanceId"])
    assert seen["MetadataOptions"]["HttpTokens"] == "required"
    assert seen["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
    assert seen["MetadataOptions"]["State"] == "applied"
    assert seen["IamInstanceProfile"]["Arn"].endswith(":instance-profile/tenant")
    assert seen["SecurityGroups"] == [{"GroupId": READY["security_group_id"]}]
    assert seen["PrivateIpAddress"] and seen["LaunchTime"].tzinfo
    (ending,) = ec2.terminate_instances(InstanceIds=[seen["InstanceId"]])["TerminatingInstances"]
    assert ending["PreviousState"]["Name"] == "running" and ending["CurrentState"]["Name"] == "shutting-down"
    wait(lambda: describe(seen["InstanceId"])[0]["State"]["Name"] == "terminated")
    ec2.terminate_instances(InstanceIds=[seen["InstanceId"]])
    ec2.get_console_output(InstanceId=seen["InstanceId"])


def client_tokens():
    options = {"ClientToken": "token-1", "SubnetId": READY["subnet_id"]}
    (first,) = launch(**options)
    (again,) = launch(**options)
    assert again["InstanceId"] == first["InstanceId"]
    refused("IdempotentParameterMismatch", 400, launch, **{**options, "InstanceType": "t3.large"})
    other = next(s for s in ec2.describe_subnets()["Subnets"] if s["SubnetId"] != READY["subnet_id"])
    (elsewhere,) = launch(**{**options, "SubnetId": other["SubnetId"]})
    assert elsewhere["InstanceId"] != first["InstanceId"], "a token holds in its zone only"
    (found,) = ec2.describe_instances(
        Filters=[
            {"Name": "client-token", "Values": ["token-1"]},
            {"Name": "availability-zone", "Values": [other["AvailabilityZone"]]},
        ]
    )["Reservations"]
    assert found["Instances"][0]["InstanceId"] == elsewhere["InstanceId"]
    ec2.terminate_instances(InstanceIds=[first["InstanceId"]])
    refused("IdempotentInstanceTerminated", 400, launch, **options)
    refused("InvalidParameterValue", 400, launch, ClientToken="x" * 65)


def paging_and_filters():
    tag = [
        {"ResourceType": "instance", "Tags": [{"Key": "page", "Value": "yes"}, {"Key": "n", "Value": "a*b"}]}
    ]
    ids = {launch(TagSpecifications=tag)[0]["InstanceId"] for _ in range(12)}
    filters = [{"Name": "tag:page", "Values": ["y?s"]}]
    pages = list(
        ec2.get_paginator("describe_instances").paginate(Filters=filters, PaginationConfig={"PageSize": 5})
    )
    found = [[i["InstanceId"] for r in page["Reservations"] for i in r["Instances"]] for page in pages]
    assert [len(page) for page in found] == [5, 5, 2] and {i for page in found for i in page} == ids
    count = lambda *f: len(ec2.describe_instances(Filters=list(f))["Reservations"])
    assert count({"Name": "tag-key", "Values": ["pag*"]}) == 12
    assert count({"Name": "tag:n", "Values": ["a\\*b"]}) == 12
    assert count({"Name": "tag:n", "Values": ["a\\*c"]}) == 0
    assert count({"Name": "instance-id", "Values": [min(ids)]}, filters[0]) == 1
    refused("InvalidParameterCombination", 400, ec2.describe_instances, InstanceIds=[min(ids)], MaxResults=5)
    refused("InvalidParameterValue", 400, ec2.describe_instances, MaxResults=4)
    refused("InvalidParameterValue", 400, ec2.describe_instances, NextToken="nonsense")
    refused("InvalidParameterValue", 400, ec2.describe_instances, Filters=[{"Name": "no", "Values": ["x"]}])
    refused("InvalidInstanceID.NotFound", 400, ec2.describe_instances, InstanceIds=["i-" + "0" * 17])
    refused("InvalidInstanceID.Malformed", 400, ec2.describe_instances, InstanceIds=["i-xyz"])
    ec2.create_tags(Resources=list(ids)[:2], Tags=[{"Key": "later", "Value": "1"}])
    assert count({"Name": "tag:later", "Values": ["1"]}) == 2
    assert len(ec2.describe_tags(Filters=[{"Name": "key", "Values": ["later"]}])["Tags"]) == 2


def launch_refusals():
    launch(UserData="x" * 16384)
    refused("InvalidParameterValue", 400, launch, UserData="x" * 16385)
    refused("InvalidAMIID.Malformed", 400, launch, ImageId="debian")
    refused("InvalidParameterValue", 400, launch, InstanceType="t9.huge")
    refused("InvalidSubnetID.NotFound", 400, launch, SubnetId="subnet-" + "0" * 17)
    refused("InvalidGroup.NotFound", 400, launch, SecurityGroupIds=["sg-" + "0" * 17])
    refused("DryRunOperation", 412, launch, DryRun=True)
    refused("MissingParameter", 400, ec2.terminate_instances, InstanceIds=[])


def security_groups():
    group = ec2.create_security_group(GroupName="tenants", Description="no inbound")["GroupId"]
    refused(
        "InvalidGroup.Duplicate", 400, ec2.create_security_group, GroupName="tenants", Description="again"
    )
    (seen,) = ec2.describe_security_groups(Filters=[{"Name": "group-name", "Values": ["tenants"]}])[
        "SecurityGroups"
    ]
    assert seen["IpPermissions"] == [] and seen["IpPermissionsEgress"][0]["IpRanges"] == [
        {"CidrIp": "0.0.0.0/0"}
    ]
    rule = [{"IpProtocol": "tcp", "FromPort": 443, "ToPort": 443, "IpRanges": [{"CidrIp": "10.0.0.0/8"}]}]
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=rule)
    refused(
        "InvalidPermission.Duplicate",
        400,
        ec2.authorize_security_group_ingress,
        GroupId=group,
        IpPermissions=rule,
    )
    ec2.revoke_security_group_ingress(GroupId=group, IpPermissions=rule)
    refused(
        "InvalidPermission.NotFound",
        400,
        ec2.revoke_security_group_ingress,
        GroupId=group,
        IpPermissions=rule,
    )
    (instance,) = launch(SecurityGroupIds=[group])
    refused("DependencyViolation", 400, ec2.delete_security_group, GroupId=group)
    ec2.terminate_instances(InstanceIds=[instance["InstanceId"]])
    wait(lambda: describe(instance["InstanceId"])[0]["State"]["Name"] == "terminated")
    ec2.delete_security_group(GroupId=group)


def stop_and_start():
    (instance,) = launch()
    identity = instance["InstanceId"]
    running(identity)
    ec2.stop_instances(InstanceIds=[identity])
    wait(lambda: describe(identity)[0]["State"]["Name"] == "stopped")
    refused("IncorrectInstanceState", 400, ec2.reboot_instances, InstanceIds=[identity])
    ec2.start_instances(InstanceIds=[identity])
    running(identity)
    ec2.reboot_instances(InstanceIds=[identity])


def command(identity, *lines, **parameters):
    sent = ssm.send_command(
        InstanceIds=[identity],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": list(lines), **parameters},
    )["Command"]
    assert sent["Status"] == "Pending"

    def finished():
        found = ssm.get_command_invocation(CommandId=sent["CommandId"], InstanceId=identity)
        return found if found["Status"] not in ("Pending", "InProgress") else None

    return wait(finished)


def commands():
    (instance,) = launch()
    identity = instance["InstanceId"]
    running(identity)
    wait(
        lambda: [
            i
            for i in ssm.describe_instance_information()["InstanceInformationList"]
            if i["InstanceId"] == identity and i["PingStatus"] == "Online"
        ]
    )
    done = command(identity, "echo one", "exit 3")
    assert (done["Status"], done["ResponseCode"], done["StandardOutputContent"]) == ("Failed", 3, "one\n")
    done = command(identity, "sleep 30", executionTimeout=["1"])
    assert (done["Status"], done["StatusDetails"]) == ("TimedOut", "Execution Timed Out")
    done = command(identity, "echo " + "x" * 30_000)
    assert len(done["StandardOutputContent"]) == 24_000 and done["Status"] == "Success"
    listed = ssm.list_command_invocations(CommandId=done["CommandId"], Details=True)["CommandInvocations"]
    assert [(i["InstanceId"], i["Status"], len(i["CommandPlugins"])) for i in listed] == [
        (identity, "Success", 1)
    ]
    send = lambda **o: ssm.send_command(
        **{
            "InstanceIds": [identity],
            "DocumentName": "AWS-RunShellScript",
            "Parameters": {"commands": ["true"]},
            **o,
        }
    )
    refused("InvalidInstanceId", 400, send, InstanceIds=["i-" + "0" * 17])
    refused("InvalidDocument", 400, send, DocumentName="Nothing")
    refused("InvalidParameters", 400, send, Parameters={})
    refused(
        "InvocationDoesNotExist",
        400,
        ssm.get_command_invocation,
        CommandId="00000000-0000-0000-0000-000000000000",
        InstanceId=identity,
    )


def keys():
    key = f"arn:aws:kms:{READY['region']}:123456789012:key/one"
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext={"org": "a"})
    assert len(made["Plaintext"]) == 32 and made["KeyId"] == key
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext={"org": "a"})
    assert opened["Plaintext"] == made["Plaintext"] and opened["KeyId"] == key
    refused(
        "InvalidCiphertextException",
        400,
        kms.decrypt,
        CiphertextBlob=made["CiphertextBlob"],
        EncryptionContext={"org": "b"},
    )
    refused(
        "IncorrectKeyException",
        400,
        kms.decrypt,
        CiphertextBlob=made["CiphertextBlob"],
        EncryptionContext={"org": "a"},
        KeyId=key + "-other",
    )
    refused(
        "NotFoundException",
        400,
        kms.encrypt,
        KeyId=key.replace("123456789012", "210987654321"),
        Plaintext=b"x",
    )
    sealed = kms.encrypt(KeyId="alias/tenants", Plaintext=b"secret")["CiphertextBlob"]
    assert kms.decrypt(CiphertextBlob=sealed)["Plaintext"] == b"secret"
    refused("InvalidCiphertextException", 400, kms.decrypt, CiphertextBlob=sealed[:-1] + b"\0")


def registry_tokens():
    (first,) = ecr.get_authorization_token()["authorizationData"]
    user, _, password = base64.b64decode(first["authorizationToken"]).decode().partition(":")
    assert user == "AWS" and len(password) >= 32
    assert first["proxyEndpoint"] == f"https://123456789012.dkr.ecr.{READY['region']}.amazonaws.com"
    left = first["expiresAt"].timestamp() - time.time()
    assert 43_100 < left <= 43_200, left
    (second,) = ecr.get_authorization_token()["authorizationData"]
    assert second["authorizationToken"] == first["authorizationToken"], "one password for the whole run"
    refused("UnknownOperationException", 400, ecr.describe_repositories)
    inject("throttle", "GetAuthorizationToken", service="ecr")
    refused("ThrottlingException", 400, ecr.get_authorization_token)


def signatures():
    wrong = {"aws_access_key_id": "AKIALOCALTEST", "aws_secret_access_key": "wrong"}
    refused("AuthFailure", 401, client("ec2", **wrong).describe_instances)
    refused("InvalidSignatureException", 400, client("ssm", **wrong).describe_instance_information)
    stranger = {"aws_access_key_id": "AKIASTRANGER", "aws_secret_access_key": "x"}
    refused("AuthFailure", 401, client("ec2", **stranger).describe_instances)
    refused(
        "UnrecognizedClientException", 400, client("kms", **stranger).encrypt, KeyId="alias/a", Plaintext=b"x"
    )
    refused("InvalidSignatureException", 400, client("ecr", **wrong).get_authorization_token)
    refused("AuthFailure", 401, client("ec2", region_name="eu-north-1").describe_instances)
    changed = client("ec2")
    changed.meta.events.register(
        "before-send.ec2.*",
        lambda request, **_: setattr(request, "body", request.body.replace("t3.small", "t3.large")),
    )
    refused(
        "AuthFailure",
        401,
        changed.run_instances,
        ImageId=IMAGE,
        InstanceType="t3.small",
        MinCount=1,
        MaxCount=1,
    )


def tagged(kind, **tags):
    return {"ResourceType": kind, "Tags": [{"Key": k, "Value": v} for k, v in tags.items()]}


def volumes_and_snapshots():
    kept = {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 20, "DeleteOnTermination": False}}
    (first,) = launch(TagSpecifications=[tagged("volume", org="a")])
    (second,) = launch(TagSpecifications=[tagged("volume", org="b")], BlockDeviceMappings=[kept])
    running(first["InstanceId"], second["InstanceId"])
    volumes = lambda name, *values: ec2.describe_volumes(Filters=[{"Name": name, "Values": list(values)}])[
        "Volumes"
    ]
    (volume,) = volumes("attachment.instance-id", first["InstanceId"])
    (mapping,) = describe(first["InstanceId"])[0]["BlockDeviceMappings"]
    assert mapping["Ebs"]["VolumeId"] == volume["VolumeId"] and mapping["Ebs"]["DeleteOnTermination"]
    assert [v["Size"] for v in volumes("tag:org", "a", "b")] == [8, 20]
    assert volume["Attachments"][0]["InstanceId"] == first["InstanceId"] and volume["State"] == "in-use"
    refused("VolumeInUse", 400, ec2.delete_volume, VolumeId=volume["VolumeId"])

    specification = [tagged("snapshot", org="a")]
    made = ec2.create_snapshot(VolumeId=volume["VolumeId"], TagSpecifications=specification)
    assert made["State"] == "pending" and made["VolumeSize"] == 8
    identity = made["SnapshotId"]
    snapshots = lambda: ec2.describe_snapshots(Filters=[{"Name": "tag:org", "Values": ["a"]}])["Snapshots"]
    wait(lambda: snapshots()[0]["State"] == "completed")
    for _ in range(6):
        ec2.create_snapshot(VolumeId=volume["VolumeId"], TagSpecifications=specification)
    pages = list(ec2.get_paginator("describe_snapshots").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["Snapshots"]) for page in pages] == [5, 2]
    from_snapshot = [{"DeviceName": "/dev/xvda", "Ebs": {"SnapshotId": identity}}]
    (restored,) = launch(BlockDeviceMappings=from_snapshot)
    assert volumes("snapshot-id", identity)[0]["Attachments"][0]["InstanceId"] == restored["InstanceId"]

    everything = [first["InstanceId"], volume["VolumeId"], identity]
    ec2.create_tags(Resources=everything, Tags=[{"Key": "quarantined", "Value": "now"}])
    assert len(ec2.describe_tags(Filters=[{"Name": "key", "Values": ["quarantined"]}])["Tags"]) == 3
    refused(
        "InvalidSnapshot.NotFound",
        400,
        ec2.create_tags,
        Resources=[first["InstanceId"], "snap-" + "0" * 17],
        Tags=[{"Key": "half", "Value": "done"}],
    )
    assert not ec2.describe_tags(Filters=[{"Name": "key", "Values": ["half"]}])["Tags"]
    ec2.delete_tags(Resources=everything, Tags=[{"Key": "quarantined"}])
    assert not ec2.describe_tags(Filters=[{"Name": "key", "Values": ["quarantined"]}])["Tags"]

    ec2.terminate_instances(InstanceIds=[first["InstanceId"], second["InstanceId"]])
    left = wait(lambda: (v := volumes("tag:org", "a", "b")) and len(v) == 1 and v)
    assert left[0]["State"] == "available"
    ec2.delete_volume(VolumeId=left[0]["VolumeId"])
    refused("InvalidVolume.NotFound", 400, ec2.describe_volumes, VolumeIds=[left[0]["VolumeId"]])
    ec2.delete_snapshot(SnapshotId=identity)
    refused("InvalidSnapshot.NotFound", 400, ec2.describe_snapshots, SnapshotIds=[identity])
    refused("InvalidSnapshot.NotFound", 400, launch, BlockDeviceMappings=from_snapshot)


def machine_images():
    images = {i["ImageId"]: i for i in ec2.describe_images()["Images"]}
    roots = {i["RootDeviceName"]: identity for identity, i in images.items()}
    assert sorted(roots) == ["/dev/sda1", "/dev/xvda"] and roots["/dev/xvda"] == IMAGE
    for root, identity in roots.items():
        (image,) = ec2.describe_images(ImageIds=[identity])["Images"]
        assert image["RootDeviceName"] == root and image["State"] == "available"
        assert image["BlockDeviceMappings"][0]["DeviceName"] == root
        named = lambda name: [{"DeviceName": name, "Ebs": {"VolumeSize": 20, "Encrypted": True}}]
        other = next(name for name in roots if name != root)
        for name, expected in ((root, {root: (20, True)}), (other, {root: (8, False), other: (20, True)})):
            (instance,) = launch(ImageId=identity, BlockDeviceMappings=named(name))
            (seen,) = describe(instance["InstanceId"])
            assert seen["RootDeviceName"] == root
            mapped = {m["DeviceName"]: m["Ebs"]["VolumeId"] for m in seen["BlockDeviceMappings"]}
            volumes = {v["VolumeId"]: v for v in ec2.describe_volumes(VolumeIds=list(mapped.values()))["Volumes"]}
            found = {name: (volumes[v]["Size"], volumes[v]["Encrypted"]) for name, v in mapped.items()}
            assert found == expected, found
    missing = "ami-" + "0" * 17
    refused("InvalidAMIID.NotFound", 400, ec2.describe_images, ImageIds=[missing])
    refused("InvalidAMIID.NotFound", 400, launch, ImageId=missing)
    refused("MissingParameter", 400, launch, BlockDeviceMappings=[{"Ebs": {"VolumeSize": 20}}])


def operator(method, path, body=None):
    request = urllib.request.Request(
        READY["aws_endpoint_url"] + "/_localcloud/" + path,
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else None
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def inject(fault, operation, service="ec2", **more):
    rule = {"service": service, "operation": operation, "fault": fault, **more}
    status, answer = operator("PUT", "faults", {"rules": [rule]})
    assert status == 200, answer


def unanswered(call):
    try:
        call()
    except (BotoCoreError, ResponseParserError):
        return
    raise AssertionError("an answer came")


def faults():
    count = lambda: len(ec2.describe_instances()["Reservations"])
    for fault, effect in [("reset", 0), ("lost_reply", 1), ("malformed", 1), ("silence", 1)]:
        before = count()
        inject(fault, "RunInstances", seconds=0.2)
        unanswered(launch)
        assert count() == before + effect, fault
    for fault, code, status in [
        ("status_500", "InternalError", 500),
        ("status_503", "Unavailable", 503),
        ("throttle", "RequestLimitExceeded", 503),
    ]:
        before = count()
        inject(fault, "RunInstances")
        refused(code, status, launch)
        assert count() == before
    inject("throttle", "*", service="ssm")
    refused("ThrottlingException", 400, ssm.describe_instance_information)
    inject("hidden", "RunInstances", seconds=1)
    (instance,) = launch(ClientToken="hidden")
    refused("InvalidInstanceID.NotFound", 400, describe, instance["InstanceId"])
    assert launch(ClientToken="hidden")[0]["InstanceId"] == instance["InstanceId"]
    by_token = [{"Name": "client-token", "Values": ["hidden"]}]
    wait(lambda: ec2.describe_instances(Filters=by_token)["Reservations"])

    operator("DELETE", "calls")
    inject("throttle", "DescribeSubnets", skip=1, count=2)
    ec2.describe_subnets()
    refused("RequestLimitExceeded", 503, ec2.describe_subnets)
    left = operator("GET", "faults")[1]
    assert left["rules"][0]["count"] == 1 and left["rules"][0]["skip"] == 0
    assert [a["number"] for a in left["applied"]] == [2]
    refused("RequestLimitExceeded", 503, ec2.describe_subnets)
    ec2.describe_subnets()
    trace = operator("GET", "calls")[1]
    assert trace["totals"] == {"ec2": {"DescribeSubnets": 4}}
    assert [(c["number"], c["status"], c["fault"]) for c in trace["calls"]] == [
        (1, 200, None),
        (2, 503, "throttle"),
        (3, 503, "throttle"),
        (4, 200, None),
    ]
    for rule, word in [
        ({"service": "s3", "fault": "reset"}, "service"),
        ({"fault": "explosion"}, "fault"),
        ({}, "fault"),
        ({"fault": "reset", "count": 0}, "count"),
        ({"fault": "reset", "skip": "a"}, "skip"),
    ]:
        status, answer = operator("PUT", "faults", {"rules": [rule]})
        assert status == 400 and word in answer, answer


def behind_the_back():
    (instance,) = launch()
    identity = instance["InstanceId"]
    running(identity)
    assert operator("PUT", f"instances/{identity}", {"state": "stop"})[0] == 204
    assert describe(identity)[0]["State"]["Name"] == "stopped"
    ec2.modify_instance_attribute(InstanceId=identity, InstanceType={"Value": "t3.large"})
    assert describe(identity)[0]["InstanceType"] == "t3.large"
    assert operator("PUT", f"instances/{identity}", {"state": "start", "type": "t3.nano"})[0] == 204
    assert describe(identity)[0]["InstanceType"] == "t3.nano"
    refused(
        "IncorrectInstanceState",
        400,
        ec2.modify_instance_attribute,
        InstanceId=identity,
        InstanceType={"Value": "t3.large"},
    )
    assert operator("PUT", f"instances/{identity}", {"state": "fly"})[0] == 400
    assert operator("PUT", f"instances/{identity}", {"state": "vanish"})[0] == 204
    refused("InvalidInstanceID.NotFound", 400, describe, identity)


def consistency():
    (instance,) = launch(ClientToken="late")
    identity = instance["InstanceId"]
    refused("InvalidInstanceID.NotFound", 400, ec2.describe_instances, InstanceIds=[identity])
    (again,) = launch(ClientToken="late")
    assert again["InstanceId"] == identity
    refused(
        "InvalidInstanceId",
        400,
        ssm.send_command,
        InstanceIds=[identity],
        DocumentName="AWS-RunShellScript",
        Parameters={"commands": ["true"]},
    )
    wait(
        lambda: ec2.describe_instances(Filters=[{"Name": "client-token", "Values": ["late"]}])["Reservations"]
    )
    wait(lambda: ssm.describe_instance_information()["InstanceInformationList"])
    sent = ssm.send_command(
        InstanceIds=[identity], DocumentName="AWS-RunShellScript", Parameters={"commands": ["true"]}
    )["Command"]["CommandId"]
    refused("InvocationDoesNotExist", 400, ssm.get_command_invocation, CommandId=sent, InstanceId=identity)
    time.sleep(1.6)
    assert ssm.get_command_invocation(CommandId=sent, InstanceId=identity)["Status"] == "Success"


def throttling():
    codes = []
    for _ in range(12):
        try:
            launch()
            codes.append("")
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 503
            codes.append(error.response["Error"]["Code"])
    assert codes[:5] == [""] * 5 and "RequestLimitExceeded" in codes[5:], codes


if __name__ == "__main__":
    globals()[sys.argv[2]]()
