"""A platform that takes usage as badly as it may: replies are lost, taken batches are answered 500, others are
refused for a moment, and some events are forgotten, to be asked for again.

usage: usage_platform.py SEED
GET /calm makes it behave from then on. GET /state: places {"epoch sequence": id}, contradictions (a place with
two ids), lost, missing.
"""
import collections
import gzip
import http.server
import json
import random
import sys
import threading

dice = random.Random(int(sys.argv[1]))
lock = threading.Lock()
places, counts, contradictions, lost = {}, collections.Counter(), [], []
highest = collections.Counter()
calm = False


def missing(epoch):
    named = {place for first, last in lost_of[epoch] for place in range(first, last + 1)}
    gone = [place for place in range(1, highest[epoch] + 1)
            if f"{epoch} {place}" not in places and place not in named]
    return [{"from": place, "to": place} for place in gone[:100]]


lost_of = collections.defaultdict(list)


def take(batch):
    epoch, first = batch["epoch"], batch.get("sequence", 1)
    for lost_range in batch.get("lost", []):
        lost_of[epoch].append((lost_range["from"], lost_range["to"]))
        lost.append(lost_range)
    accepted = 0
    for offset, event in enumerate(batch["events"]):
        key = f"{epoch} {first + offset}"
        highest[epoch] = max(highest[epoch], first + offset)
        if not calm and dice.random() < 0.01 and key not in places:
            continue
        if places.get(key, event["id"]) != event["id"]:
            contradictions.append([key, places[key], event["id"]])
        places[key] = event["id"]
        counts[event["id"]] += 1
        accepted += counts[event["id"]] == 1
    return {"accepted": accepted, "duplicates": len(batch["events"]) - accepted, "set_aside": 0,
            "missing": missing(epoch)}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def reply(self, status, value):
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        global calm
        with lock:
            calm = calm or self.path == "/calm"
            self.reply(200, {
                "places": places, "contradictions": contradictions, "lost": lost,
                "missing": [place for epoch in highest for place in missing(epoch)]})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        batch = json.loads(body)
        assert len(batch["events"]) <= 1000 and len(body) <= 1 << 20
        with lock:
            fate = 1.0 if calm else dice.random()
            if fate < 0.1:
                return self.reply(500, {"error": "before it was taken"})
            receipt = take(batch)
        if fate < 0.2:
            return self.reply(500, {"error": "after it was taken"})
        if fate < 0.3:
            self.close_connection = True
            return
        self.reply(200, receipt)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("port", server.server_address[1], flush=True)
server.serve_forever()
