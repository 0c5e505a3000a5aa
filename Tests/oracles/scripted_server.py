"""A scripted HTTP server: answers each path from its list, the last one for ever, and logs every request.

usage: scripted_server.py SCRIPT LOG
SCRIPT: JSON {path: [[status, {header: value}, body, breaks off], ...]}; it is read again for each request. A key
"METHOD path" is for that method alone.
An answer that breaks off announces more bytes than come before the connection is closed.
"""
import collections
import gzip
import http.server
import json
import sys

script_path, log_path = sys.argv[1:3]
asked = collections.Counter()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        with open(script_path) as file:
            script = json.load(file)
        key = f"{self.command} {self.path}" if f"{self.command} {self.path}" in script else self.path
        answers = script.get(key, [[404, {}, "", False]])
        status, headers, text, breaks_off = answers[min(asked[key], len(answers) - 1)]
        asked[key] += 1
        with open(log_path, "a") as log:
            log.write(json.dumps({
                "method": self.command, "path": self.path, "body": body.decode(), "status": status,
                "authorization": self.headers.get("Authorization") or "",
                "org": self.headers.get("X-Molecule-Org-Id") or "",
                "cookie": self.headers.get("Cookie") or "",
                "signature": self.headers.get("X-Molecule-Signature") or "",
                "lastEventID": self.headers.get("Last-Event-ID") or "",
            }) + "\n")
        content = text.encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content) + breaks_off))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.close_connection = self.close_connection or breaks_off

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = answer

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print("port", server.server_address[1], flush=True)
server.serve_forever()
