"""Answers as the control plane does, for the tests of cpctl. Prints {"url"}; ends when its standard input does.

The bearer token is "right". The tenant `acme` boots, its stream breaking off once; `broken` fails. A redeploy to
tag `v2` updates, to `bad` rolls back.
"""
import json, os, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

seen = {"streams": 0, "polls": {}}
ORG = {"id": "6f0c", "slug": "acme", "name": "Acme Ü", "status": "running", "plan": "free",
       "created_at": "2026-01-01T00:00:00Z", "instance_status": "running"}
ERROR = {"code": "boot_timeout", "message": "The agent stayed silent.", "console_tail": "Kernel panic"}


def stage(name, outcome, at):
    done = outcome != "started"
    return {"stage": name, "outcome": outcome, "at": "2026-01-01T00:00:00Z", "elapsed_ms": at,
            "duration_ms": 250 if done else None, "code": None}


def status(slug, state, stages):
    return {"slug": slug, "status": state, "current_stage": None, "stages": stages, "workflow": None,
            "error": ERROR if state == "failed" else None}


def finding(category, code, kind, resource, action, due=None, cost=None):
    return {"category": category, "code": code, "kind": kind, "resource": resource, "place": "x", "name": resource,
            "slug": "acme", "detail": "why", "monthly_usd": cost, "first_seen": "2026-01-01T00:00:00Z",
            "last_seen": "2026-01-01T00:00:00Z", "next_action": action, "next_action_at": due}


def report(*findings):
    run = {"started_at": "2026-01-02T00:00:00Z", "outcome": "done", "seen": 40, "acted": 2, "calls": 5}
    return {"run": run, "findings": findings, "unknown_prices": 1,
            "monthly_usd": sum(f["monthly_usd"] or 0 for f in findings)}


ORPHANS = [finding("orphan", "orphan", "instance", "i-1", "wait", "2026-01-09T00:00:00Z", 32.768),
           finding("orphan", "orphan", "instance", "i-2", "quarantine")]
DRIFT = finding("drift", "record_missing", "dns_record", "acme.example", "mend")


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def reply(self, code, value, kind="application/json"):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, code, name, detail):
        self.reply(code, {"type": "about:blank", "status": code, "title": "x", "detail": detail, "code": name,
                          "request_id": "r-1"}, "application/problem+json")

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        if self.headers["Authorization"] != "Bearer right":
            return self.refuse(401, "unauthorized", "The token is not valid.")
        self.route(self.command, self.path.split("?")[0], body)

    do_GET = do_POST = do_DELETE = handle_any

    def route(self, method, path, body):
        if (method, path) == ("GET", "/cp/admin/orgs"):
            self.reply(200, {"orgs": [ORG]})
        elif (method, path) == ("POST", "/cp/admin/orgs"):
            self.reply(201, {**ORG, **{"slug": body["slug"], "name": body["name"]}})
        elif path == "/cp/admin/orgs/acme":
            self.reply(200, ORG)
        elif path == "/cp/admin/orphans":
            self.reply(200, report(*ORPHANS))
        elif path == "/cp/admin/drift":
            self.reply(200, report(DRIFT))
        elif path == "/cp/admin/reconcile":
            self.reply(200, report(*ORPHANS, DRIFT) if body["dry_run"] else report())
        elif method == "DELETE":
            self.reply(200, {"slug": "acme", "status": "purged"})
        elif path.endswith("/provision-status/stream"):
            self.stream(path.split("/")[4])
        elif path == "/cp/admin/orgs/broken/provision-status":
            self.reply(200, status("broken", "failed", [stage("docker", "failed", 900)]))
        elif method == "POST" and path.endswith("/redeploy"):
            tag = body.get("target_tag", "v2")
            plan = {"slug": "acme", "previous_digest": "sha256:old", "digest": "sha256:new"}
            if body.get("dry_run"):
                self.reply(200, {**plan, "would_change": True, "dry_run": True})
            else:
                self.reply(202, {**plan, "redeploy_id": tag, "phase": "sending"})
        elif "/redeploys/" in path:
            self.redeploy(path.rsplit("/", 1)[1])
        else:
            self.refuse(404, "org_not_found", "There is no organisation of that slug.")

    def redeploy(self, tag):
        seen["polls"][tag] = seen["polls"].get(tag, 0) + 1
        final = "updated" if tag == "v2" else "rolled_back"
        phase = "running" if seen["polls"][tag] == 1 else final
        self.reply(200, {"redeploy_id": tag, "slug": "acme", "phase": phase, "previous_digest": "sha256:old",
                         "digest": "sha256:new",
                         "running_digest": "sha256:new" if tag == "v2" else "sha256:old", "ssm_status": "Success", "healthz_ok": True,
                         "error": None if tag == "v2" else "unhealthy", "duration_ms": 4200})

    def stream(self, slug):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        stages = [stage("userdata", "succeeded", 400), stage("docker", "started", 500)]
        for one in stages:
            self.event("stage", one)
        if slug == "acme" and not seen["streams"]:
            seen["streams"] = 1
            return  # breaks off
        end = "running" if slug == "acme" else "failed"
        stages[1] = stage("docker", "succeeded" if slug == "acme" else "failed", 750)
        self.event("stage", stages[1])
        self.event("status", status(slug, end, stages))

    def event(self, name, value):
        self.wfile.write(f"event: {name}\ndata: {json.dumps(value)}\n\n".encode())


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}"}), flush=True)
sys.stdin.read()
os._exit(0)
