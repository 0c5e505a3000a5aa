"""A moto server that verifies every signature, and in front of it a relay that changes every body.

Prints one JSON line: {"endpoint", "tampering_endpoint", "access_key", "secret_key", "image", "subnet",
"security_group", "key_id"}. Ends when its standard input does.
"""
import http.client, json, logging, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
from moto.server import ThreadedMotoServer

logging.disable(logging.CRITICAL)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
host, port = server.get_host_and_port()
endpoint = f"http://127.0.0.1:{port}"


class Relay(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        # Neither means anything to the service: only the signature can tell.
        body += b" " if body.startswith(b"{") else b"&Unused=1"
        connection = http.client.HTTPConnection("127.0.0.1", port)
        headers = {name: value for name, value in self.headers.items() if name != "Content-Length"}
        connection.request("POST", self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *args):
        pass


def client(service):
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="setup",
                        aws_secret_access_key="setup")


iam = client("iam")
iam.create_user(UserName="platform")
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.put_user_policy(UserName="platform", PolicyName="everything", PolicyDocument=json.dumps(everything))
key = iam.create_access_key(UserName="platform")["AccessKey"]
iam.create_instance_profile(InstanceProfileName="tenant")
image = client("ec2").describe_images()["Images"][0]["ImageId"]
subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
group = client("ec2").create_security_group(GroupName="tenants", Description="no inbound")["GroupId"]
key_id = client("kms").create_key()["KeyMetadata"]["KeyId"]

reset = http.client.HTTPConnection("127.0.0.1", port)
reset.request("POST", "/moto-api/reset-auth", b"0")
assert reset.getresponse().status == 200

relay = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
threading.Thread(target=relay.serve_forever, daemon=True).start()
print(json.dumps({
    "endpoint": endpoint, "tampering_endpoint": f"http://127.0.0.1:{relay.server_port}",
    "access_key": key["AccessKeyId"], "secret_key": key["SecretAccessKey"], "image": image, "subnet": subnet,
    "security_group": group, "key_id": key_id,
}), flush=True)
sys.stdin.read()
os._exit(0)
