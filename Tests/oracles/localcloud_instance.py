"""Plays the control plane and the clients around one simulated instance.
usage: localcloud_instance.py READY_FILE SCENARIO [TUNNEL_CONNECTOR]"""

import base64
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

import boto3
import cloudflare

READY = json.load(open(sys.argv[1]))
ACCOUNT, ZONE, EDGE = READY["cloudflare_account_id"], READY["cloudflare_zone_id"], READY["ports"]["edge"]
ORG = "11111111-1111-1111-1111-111111111111"
cf = cloudflare.Cloudflare(
    api_token=os.environ["CLOUDFLARE_API_TOKEN"], base_url=READY["cloudflare_api_url"], max_retries=0
)
tunnels = cf.zero_trust.tunnels.cloudflared
ec2 = boto3.client("ec2", endpoint_url=READY["aws_endpoint_url"], region_name=READY["region"])
ssm = boto3.client("ssm", endpoint_url=READY["aws_endpoint_url"], region_name=READY["region"])


class Platform:
    """What a simulated instance calls; the first two enrolments are put off."""

    def __init__(self, tunnel_token):
        self.calls, platform = [], self
        grant = {
            "admin_token": "admin",
            "secrets_encryption_key": "k",
            "database_password": "p",
            "shared_secret": "s",
            "tunnel_token": tunnel_token,
        }

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                platform.calls.append((self.path, self.headers["authorization"], body))
                assert self.headers["x-molecule-org-id"] == ORG
                enrolments = sum(1 for call in platform.calls if call[0].endswith("/enroll"))
                if not self.path.endswith("/enroll"):
                    return self.answer(204, b"")
                if enrolments <= 2:
                    return self.answer(503, b"{}")
                self.answer(200, json.dumps(grant).encode())

            def answer(self, status, body):
                self.send_response(status)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"

    def events(self):
        return [(json.loads(body), token) for path, token, body in self.calls if path.endswith("/boot-event")]


def wait(condition, seconds=20):
    end = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)
    return value


def make_tunnel(service="http://127.0.0.1:8080"):
    tunnel = tunnels.create(account_id=ACCOUNT, name="acme", config_src="cloudflare")
    configure(tunnel, service)
    record = cf.dns.records.create(
        zone_id=ZONE, name="acme", type="CNAME", proxied=True, ttl=1, content=tunnel.id + ".cfargotunnel.com"
    )
    return tunnel, record, tunnels.token.get(tunnel.id, account_id=ACCOUNT)


def configure(tunnel, service):
    rules = [{"hostname": "acme.localhost", "service": service}, {"service": "http_status:404"}]
    tunnels.configurations.update(tunnel.id, account_id=ACCOUNT, config={"ingress": rules})


def launch(platform, image="r/molecule-tenant@sha256:aaa", slug="acme"):
    stack = {"postgres": "r/p", "redis": "r/r", "memory_plugin": "r/m", "tenant": image, "cloudflared": "r/c"}
    declaration = {
        "org_id": ORG,
        "org_slug": slug,
        "stack": stack,
        "platform": {"control_plane_url": platform.url, "tenant_url": f"https://{slug}.localhost"},
    }
    encode = lambda text: base64.b64encode(text.encode()).decode()
    script = open(os.path.join(os.path.dirname(__file__), "../../userdata/boot.sh")).read()
    script = script.replace("@DECLARATION_BASE64@", encode(json.dumps(declaration)))
    script = script.replace("@BOOT_TOKEN_BASE64@", encode("boot-token"))
    (instance,) = ec2.run_instances(
        ImageId="ami-0123456789abcdef0",
        MinCount=1,
        MaxCount=1,
        UserData=script,
        MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 1},
    )["Instances"]
    return instance["InstanceId"], instance["PrivateIpAddress"], script


def curl(*arguments):
    command = ["curl", "--silent", "--max-time", "10", "--cacert", READY["ca_file"], *arguments]
    return subprocess.run(command, capture_output=True, text=True).stdout


def edge(path, *arguments, host="acme.localhost"):
    body, _, status = curl(
        "--write-out", "\n%{http_code}", *arguments, f"https://{host}:{EDGE}{path}"
    ).rpartition("\n")
    return int(status), body


def command(instance, line):
    sent = ssm.send_command(
        InstanceIds=[instance], DocumentName="AWS-RunShellScript", Parameters={"commands": [line]}
    )["Command"]["CommandId"]
    done = lambda: ssm.get_command_invocation(CommandId=sent, InstanceId=instance)
    wait(lambda: done()["Status"] not in ("Pending", "InProgress"))
    return done()["ResponseCode"], json.loads(done()["StandardOutputContent"])


def terminate(instance):
    ec2.terminate_instances(InstanceIds=[instance])
    state = lambda: ec2.describe_instances(InstanceIds=[instance])["Reservations"][0]["Instances"][0]["State"]
    wait(lambda: state()["Name"] == "terminated")


def boot():
    tunnel, record, token = make_tunnel()
    assert edge("/health", host="nobody.localhost")[0] == 530
    status, page = edge("/health")
    assert status == 530 and "1033" in page
    platform = Platform(token)
    instance, _, _ = launch(platform)
    wait(lambda: edge("/health")[0] == 200)
    assert json.loads(edge("/health")[1])["image_digest"] == "sha256:aaa"
    events = platform.events()
    assert [e["sequence"] for e, _ in events] == list(range(1, len(events) + 1))
    assert [e["stage"] for e, _ in events if e["outcome"] == "succeeded"] == [
        "userdata",
        "docker",
        "agent_fetch",
        "enrolment",
        "images",
        "postgres",
        "redis",
        "memory_plugin",
        "tenant",
        "tunnel",
        "complete",
    ]
    assert {t for e, t in events if e["stage"] in ("userdata", "docker")} == {"Bearer boot-token"}
    assert {t for e, t in events if e["stage"] in ("images", "complete")} == {"Bearer admin"}
    redeploy = "/usr/local/bin/tenant-agent redeploy --image r/molecule-tenant@sha256:"
    status, report = command(instance, redeploy + "bbb")
    assert (status, report["outcome"], report["digest"]) == (0, "updated", "sha256:bbb")
    assert command(instance, redeploy + "bbb")[1]["outcome"] == "unchanged"
    status, report = command(instance, redeploy + "broken")
    assert (status, report["outcome"], report["digest"], report["healthy"]) == (
        10,
        "rolled_back",
        "sha256:bbb",
        True,
    )
    status, report = command(instance, redeploy + "missing")
    assert (status, report["outcome"], report["code"]) == (11, "refused", "image_not_found")
    assert json.loads(edge("/health")[1])["image_digest"] == "sha256:bbb"
    try:
        tunnels.delete(tunnel.id, account_id=ACCOUNT)
        raise AssertionError("a tunnel with connections was deleted")
    except cloudflare.BadRequestError as error:
        assert error.body["errors"][0]["code"] == 1022
    terminate(instance)
    wait(lambda: not tunnels.connections.get(tunnel.id, account_id=ACCOUNT).result)
    tunnels.delete(tunnel.id, account_id=ACCOUNT)
    cf.dns.records.delete(record.id, zone_id=ZONE)
    state = json.load(urllib.request.urlopen(READY["aws_endpoint_url"] + "/_localcloud/state"))
    assert state["tunnels"] == [] and state["records"] == []
    assert [i["state"] for i in state["instances"]] == ["terminated"]
    assert "boot-token" not in json.dumps(state) and token not in json.dumps(state)


def failing_boot():
    simulation = json.dumps({"failing_stage": "postgres", "failure_code": "timeout"}).encode()
    urllib.request.urlopen(
        urllib.request.Request(
            READY["aws_endpoint_url"] + "/_localcloud/simulation", data=simulation, method="PUT"
        )
    )
    _, _, token = make_tunnel()
    platform = Platform(token)
    launch(platform)
    event = wait(lambda: [e for e, _ in platform.events() if e["outcome"] == "failed"])[0]
    assert (event["stage"], event["code"]) == ("postgres", "timeout")
    time.sleep(0.3)
    assert platform.events()[-1][0] == event, "nothing is reported after a failure"


def metadata():
    _, _, token = make_tunnel()
    instance, address, script = launch(Platform(token))
    base = READY["metadata_url"]

    def fetch(path, *arguments, session=None):
        header = ["--header", f"X-aws-ec2-metadata-token: {session}"] if session else []
        body, _, status = curl(
            "--interface", address, "--write-out", "\n%{http_code}", *header, *arguments, base + path
        ).rpartition("\n")
        return int(status), body

    life = "X-aws-ec2-metadata-token-ttl-seconds: "
    assert fetch("/latest/meta-data/")[0] == 401
    assert fetch("/latest/meta-data/", session="wrong")[0] == 401
    assert fetch("/latest/api/token", "--request", "PUT")[0] == 400
    assert fetch("/latest/api/token", "--request", "PUT", "--header", life + "21601")[0] == 400
    forwarded = ["--header", "X-Forwarded-For: 10.0.0.1"]
    assert fetch("/latest/api/token", "--request", "PUT", "--header", life + "60", *forwarded)[0] == 403
    _, short = fetch("/latest/api/token", "--request", "PUT", "--header", life + "1")
    _, session = fetch("/latest/api/token", "--request", "PUT", "--header", life + "60")
    assert fetch("/latest/meta-data/instance-id", session=session) == (200, instance)
    time.sleep(1.1)
    assert fetch("/latest/meta-data/instance-id", session=short)[0] == 401
    assert curl("--write-out", "%{http_code}", "--output", os.devnull, base + "/latest/meta-data/") == "403"
    assert fetch("/latest/user-data", session=session)[1] == script
    assert fetch("/latest/meta-data/nothing", session=session)[0] == 404

    def crawl(path):
        status, listing = fetch(path, session=session)
        assert status == 200, path
        for name in listing.splitlines():
            if name.endswith("/"):
                crawl(path + name)
            else:
                assert fetch(path + name, session=session)[0] == 200, path + name

    crawl("/latest/meta-data/")
    crawl("/latest/dynamic/")
    check_identity(fetch, session, instance)


def check_identity(fetch, session, instance):
    folder = "/latest/dynamic/instance-identity/"
    _, document = fetch(folder + "document", session=session)
    assert json.loads(document)["instanceId"] == instance
    _, signed = fetch(folder + "rsa2048", session=session)
    assert "-----" not in signed

    def verify(text):
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write(f"-----BEGIN PKCS7-----\n{text}\n-----END PKCS7-----\n")
            file.flush()
            return subprocess.run(
                [
                    "openssl",
                    "smime",
                    "-verify",
                    "-in",
                    file.name,
                    "-inform",
                    "PEM",
                    "-noverify",
                    "-nointern",
                    "-certfile",
                    READY["identity_cert_file"],
                ],
                capture_output=True,
                text=True,
            )

    good = verify(signed)
    assert good.returncode == 0 and good.stdout.replace("\r\n", "\n") == document, good
    middle = len(signed) - 200
    changed = signed[:middle] + ("A" if signed[middle] != "A" else "B") + signed[middle + 1 :]
    assert verify(changed).returncode != 0


class Origin:
    """One HTTP service: echoes requests in two chunks, and what comes after an upgrade."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.accepted = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.socket.accept()
            self.accepted += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        reader = connection.makefile("rb")
        while True:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = reader.readline()
                if not line:
                    return connection.close()
                head += line
            if b"pgrade: websocket" in head:
                connection.sendall(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                    b"Connection: Upgrade\r\n\r\n"
                )
                while data := reader.readline():
                    connection.sendall(b"echo " + data)
                return connection.close()
            length = [
                int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length:")
            ]
            body = reader.read(length[0]) if length else b""
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-Origin: yes\r\n\r\n")
            for part in (head, body):
                if part:
                    connection.sendall(b"%x\r\n%s\r\n" % (len(part), part))
            connection.sendall(b"0\r\n\r\n")


def connector():
    origin = Origin()
    tunnel, _, token = make_tunnel(origin.url)
    metrics = socket.create_server(("127.0.0.1", 0))
    port = metrics.getsockname()[1]
    metrics.close()
    program = [sys.argv[3], "tunnel", "--no-autoupdate", "--metrics", f"127.0.0.1:{port}", "run"]
    start = lambda token: subprocess.Popen(
        program, env={"TUNNEL_TOKEN": token}, stderr=subprocess.PIPE, text=True
    )
    wrong = json.loads(base64.b64decode(token))
    wrong["s"] = base64.b64encode(b"wrong").decode()
    impostor = start(base64.b64encode(json.dumps(wrong).encode()).decode())
    wait(lambda: curl("--write-out", "%{http_code}", f"http://127.0.0.1:{port}/ready").endswith("503"))
    assert edge("/")[0] == 530
    impostor.terminate()
    _, said = impostor.communicate()
    assert "refused" in said and wrong["s"] not in said and token not in said
    process = start(token)
    try:
        wait(lambda: json.loads(curl(f"http://127.0.0.1:{port}/ready") or "{}").get("readyConnections") == 4)
        status, echoed = edge("/a?b=c", "--data", "x" * 100_000, "--header", "X-Forwarded-For: 9.9.9.9")
        assert status == 200 and echoed.endswith("x" * 100_000) and echoed.startswith("POST /a?b=c HTTP/1.1")
        assert f"Host: acme.localhost:{EDGE}" in echoed and "X-Forwarded-For: 9.9.9.9, 127.0.0.1" in echoed
        before = origin.accepted
        url = f"https://acme.localhost:{EDGE}/"
        assert curl(url, url, url).count("GET / HTTP/1.1") == 3
        assert origin.accepted == before + 1, "three requests of one client use one connection"
        upgrade()
        configure(tunnel, "http://127.0.0.1:1")
        assert edge("/")[0] == 502
    finally:
        process.terminate()
    process.communicate()
    assert process.returncode == 0
    assert edge("/")[0] == 530
    tunnels.delete(tunnel.id, account_id=ACCOUNT)


def leave_connector():
    """Leaves a registered connector running, and its process id in the file named last."""
    tunnel, _, token = make_tunnel()
    process = subprocess.Popen(
        [sys.argv[3], "tunnel", "run"],
        env={"TUNNEL_TOKEN": token},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with open(sys.argv[4], "w") as file:
        file.write(str(process.pid))
    wait(lambda: tunnels.connections.get(tunnel.id, account_id=ACCOUNT).result)


def upgrade():
    context = ssl.create_default_context(cafile=READY["ca_file"])
    plain = socket.create_connection(("127.0.0.1", EDGE))
    with context.wrap_socket(plain, server_hostname="acme.localhost") as stream:
        stream.sendall(
            b"GET /ws HTTP/1.1\r\nHost: acme.localhost\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\n\r\nearly\n"
        )
        reader = stream.makefile("rb")
        assert reader.readline().startswith(b"HTTP/1.1 101")
        while reader.readline() != b"\r\n":
            pass
        assert reader.readline() == b"echo early\n"
        stream.sendall(b"late\n")
        assert reader.readline() == b"echo late\n"


if __name__ == "__main__":
    globals()[sys.argv[2]]()
