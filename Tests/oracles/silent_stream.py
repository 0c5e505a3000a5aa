"""Answers each connection with one server-sent event, and is silent from then on, as a dead connection is.

The event's data is the Last-Event-ID of the request. Prints {"url"}; ends when its standard input does.
"""
import json, os, socket, sys, threading

listener = socket.create_server(("127.0.0.1", 0))
living = []


def serve():
    for number in range(1, 100):
        connection, _ = listener.accept()
        living.append(connection)
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(4096)
            if not more:
                break
            head += more
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:] if ": " in line)
        last = fields.get("Last-Event-ID", "none")
        event = f"id: {number}\ndata: {last}\n\n".encode()
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n" + event)


threading.Thread(target=serve, daemon=True).start()
print(json.dumps({"url": f"http://127.0.0.1:{listener.getsockname()[1]}"}), flush=True)
sys.stdin.read()
os._exit(0)
