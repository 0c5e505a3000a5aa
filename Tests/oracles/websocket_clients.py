"""WebSocket clients by the `websockets` library: each says something, expects to hear it back, and connects again
when it is told to. Until SIGTERM; then one line of JSON says what happened.

usage: websocket_clients.py JSON, with url, port, ca (or null), org (or null), clients, pause (seconds)
"""
import json
import signal
import socket
import ssl
import sys
import threading
import time

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

order = json.loads(sys.argv[1])
over = threading.Event()
lock = threading.Lock()
seen = {"echoes": 0, "wrong": 0, "closes": {}, "connections": 0, "failures": []}
PATIENCE = 5  # seconds, for a new connection after the end of one


def note(key, value=1):
    with lock:
        if key == "closes":
            seen["closes"][str(value)] = seen["closes"].get(str(value), 0) + 1
        elif key == "failures":
            seen["failures"].append(value)
        else:
            seen[key] += value


def dial():
    context = ssl.create_default_context(cafile=order["ca"]) if order["ca"] else None
    headers = {"X-Molecule-Org-Id": order["org"]} if order["org"] else {}
    return connect(
        order["url"], sock=socket.create_connection(("127.0.0.1", order["port"]), 5), ssl=context,
        additional_headers=headers, open_timeout=5, compression=None)


def run(number):
    last = time.monotonic()
    while not over.is_set():
        try:
            client = dial()
        except Exception as error:
            if time.monotonic() - last > PATIENCE:
                return note("failures", f"client {number}: {error!r}")
            time.sleep(0.1)
            continue
        note("connections")
        try:
            talk(client, number)
            client.close()
        except ConnectionClosed as error:
            note("closes", error.rcvd.code if error.rcvd else 1006)
        last = time.monotonic()


def talk(client, number):
    count = 0
    while not over.is_set():
        count += 1
        text = f"{number}/{count}"
        client.send(text)
        if client.recv(timeout=10) == text:
            note("echoes")
        else:
            note("wrong")
        time.sleep(order["pause"])


signal.signal(signal.SIGTERM, lambda *_: over.set())
threads = [threading.Thread(target=run, args=(number,)) for number in range(order["clients"])]
for thread in threads:
    thread.start()
print("started", flush=True)
for thread in threads:
    while thread.is_alive():
        thread.join(0.2)
print(json.dumps(seen), flush=True)
