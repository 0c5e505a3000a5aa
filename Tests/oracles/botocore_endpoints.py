"""Where botocore calls a service. One JSON object a line in, one a line out, in the same order.

in:  {"service", "fips": bool, "dual_stack": bool}
out: {"hosts": {region: host}} of every region that botocore knows, and of some that it does not
"""
import json
import sys

import botocore.session
from botocore.endpoint_provider import EndpointProvider

loader = botocore.session.get_session().get_component("data_loader")
partitions = loader.load_data("partitions")
regions = ["eu-central-9", "cn-east-7", "us-gov-south-1", "eusc-de-west-1", "us-isob-north-2", "moon-base-1"]
for partition in partitions["partitions"]:
    regions += [region for region in partition["regions"] if not region.endswith("-global")]


def host(provider, job, region):
    endpoint = provider.resolve_endpoint(
        Region=region, UseFIPS=job["fips"], UseDualStack=job["dual_stack"])
    scheme, host = endpoint.url.split("://")
    assert scheme == "https" and "/" not in host, endpoint.url
    return host


for line in sys.stdin:
    job = json.loads(line)
    provider = EndpointProvider(
        loader.load_service_model(job["service"], "endpoint-rule-set-1"), partitions)
    print(json.dumps({"hosts": {region: host(provider, job, region) for region in regions}}))
