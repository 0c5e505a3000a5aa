"""Signs requests with botocore. One JSON object a line in, one a line out, in the same order.

in:  {"mode": "header"|"presign", "service", "region", "timestamp": "20150830T123600Z",
      "access_key", "secret_key", "token"|null, "method", "url", "headers": [[name, value]], "body": hex,
      "expires"|null, "unsigned": bool}
out: {"canonical_request", "string_to_sign", "signature", "authorization"|null, "query"|null}
"""
import datetime, json, sys

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

now = None
auth.get_current_datetime = lambda *args, **kwargs: now

SIGNERS = {
    ("header", False): auth.SigV4Auth,
    ("header", True): auth.S3SigV4Auth,
    ("presign", False): auth.SigV4QueryAuth,
    ("presign", True): auth.S3SigV4QueryAuth,
}


def answer(job):
    global now
    now = datetime.datetime.strptime(job["timestamp"], "%Y%m%dT%H%M%SZ")
    request = AWSRequest(method=job["method"], url=job["url"], data=bytes.fromhex(job["body"]))
    for name, value in job["headers"]:
        request.headers.add_header(name, value)
    if job["unsigned"]:
        request.context["payload_signing_enabled"] = False
    make = SIGNERS[job["mode"], job["service"] == "s3"]
    options = {"expires": job["expires"]} if job["mode"] == "presign" else {}
    credentials = Credentials(job["access_key"], job["secret_key"], job.get("token"))
    signer = make(credentials, job["service"], job["region"], **options)
    seen = {}
    for name in ("canonical_request", "string_to_sign", "signature"):
        method = getattr(signer, name)
        setattr(signer, name, lambda *args, method=method, name=name: seen.setdefault(name, method(*args)))
    signer.add_auth(request)
    seen["authorization"] = request.headers.get("Authorization")
    seen["query"] = request.url.partition("?")[2] if job["mode"] == "presign" else None
    return seen


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
