"""Signatures per second on one core by botocore and by awscrt called from Python, for the requests of
`bench signatures`. Prints JSON: {"botocore": {"ec2_4kb", "ssm_90b"}, "awscrt": {...}}.

usage: signature_rates.py [SECONDS]
"""
import datetime, json, sys, time

from awscrt import auth as crt
from awscrt.http import HttpHeaders, HttpRequest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from io import BytesIO

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 3
TOKEN = "t" * 200
REQUESTS = {
    "ec2_4kb": ("ec2", {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
                b"Action=RunInstances&Version=2016-11-15&UserData=" + b"A" * 4048),
    "ssm_90b": ("ssm", {"Content-Type": "application/x-amz-json-1.1",
                        "X-Amz-Target": "AmazonSSM.GetCommandInvocation"},
                b'{"CommandId":"0123456789abcdef0123456789abcdef0123",'
                b'"InstanceId":"i-0123456789abcdef0"}   '),
}


def rate(sign):
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        for _ in range(50):
            sign()
        count += 50
    return int(count / (time.perf_counter() - started))


def botocore(service, headers, body):
    signer = SigV4Auth(Credentials("AKIDEXAMPLE", "secret", TOKEN), service, "us-east-1")
    url = f"https://{service}.us-east-1.amazonaws.com/"
    return lambda: signer.add_auth(AWSRequest("POST", url, headers=headers, data=body))


def awscrt(service, headers, body):
    provider = crt.AwsCredentialsProvider.new_static("AKIDEXAMPLE", "secret", TOKEN)
    pairs = [("Host", f"{service}.us-east-1.amazonaws.com"), *headers.items()]

    def sign():
        request = HttpRequest("POST", "/", HttpHeaders(pairs), BytesIO(body))
        config = crt.AwsSigningConfig(
            algorithm=crt.AwsSigningAlgorithm.V4, signature_type=crt.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=provider, region="us-east-1", service=service,
            date=datetime.datetime.now(datetime.timezone.utc))
        crt.aws_sign_request(request, config).result()

    return sign


print(json.dumps({
    name: {kind: rate(make(*request)) for kind, request in REQUESTS.items()}
    for name, make in (("botocore", botocore), ("awscrt", awscrt))
}))
