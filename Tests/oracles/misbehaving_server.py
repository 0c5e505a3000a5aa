"""A small server with bad manners, for the tests of CurlHTTP. Ends when its standard input does.

usage: misbehaving_server.py FOLDER    makes a private CA there with openssl, listens, prints one JSON line
of ports
"""
import asyncio, json, os, shutil, ssl, subprocess, sys, warnings

warnings.simplefilter("ignore")  # offering TLS 1.1 is the point

folder = sys.argv[1]
counts = {"accepted": 0, "aborted": 0}


def openssl(*args):
    subprocess.run(["openssl", *args], cwd=folder, check=True, capture_output=True)


def make_certificates():
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-subj", "/CN=Test CA", "-days", "2")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "leaf.key", "-out", "leaf.csr",
            "-subj", "/CN=localhost")
    with open(os.path.join(folder, "san"), "w") as f:
        f.write("subjectAltName=DNS:localhost")
    openssl("x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
            "-out", "leaf.pem", "-days", "2", "-extfile", "san")


async def read_request(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("utf-8")
    lines = head.split("\r\n")[:-2]
    headers = [line.split(":", 1) for line in lines[1:]]
    length = next((int(v) for k, v in headers if k.lower() == "content-length"), 0)
    return lines[0], headers, await reader.readexactly(length)


def answer(status, body=b"", *headers):
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def serve(path, line, headers, body, connection, writer):
    if path == "/echo":
        seen = {"line": line, "headers": [[k, v.strip()] for k, v in headers], "body": body.decode("latin-1"),
                "connection": connection}
        writer.write(answer(200, json.dumps(seen).encode(), "Content-Type: application/json",
                            "X-Two: a", "X-Two: b"))
    elif path == "/counts":
        writer.write(answer(200, json.dumps(counts).encode()))
    elif path == "/status/503":
        writer.write(answer(503, b"busy", "Retry-After: 7"))
    elif path == "/redirect":
        writer.write(answer(302, b"", "Location: /echo"))
    elif path == "/to-file":
        writer.write(answer(302, b"", "Location: file:///etc/passwd"))
    elif path == "/silent":
        await asyncio.sleep(60)
    elif path.startswith("/hang-up"):
        counts[path] = counts.get(path, 0) + 1
        writer.close()
    elif path == "/many-headers":
        writer.write(answer(200, b"", *[f"X-{n}: {'v' * 1000}" for n in range(100)]))
    elif path == "/early-hints":
        writer.write(b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n" + answer(200, b"late", "X-Final: yes"))
    elif path.startswith("/bytes/"):
        writer.write(answer(200, b"x" * int(path[7:])))
    elif path.startswith("/chunked/"):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(int(path[9:])):
            writer.write(b"10000\r\n" + b"y" * 65536 + b"\r\n")
            await writer.drain()
        writer.write(b"0\r\n\r\n")
    elif path.startswith("/events/"):
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        for n in range(int(path[8:])):
            event = f"data: {n}\n\n".encode()
            writer.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.02)
        writer.write(b"0\r\n\r\n")
    else:
        writer.write(answer(404))
    await writer.drain()


async def handle(reader, writer):
    counts["accepted"] += 1
    connection = counts["accepted"]
    try:
        while True:
            line, headers, body = await read_request(reader)
            await serve(line.split(" ")[1], line, headers, body, connection, writer)
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        counts["aborted"] += 1
    finally:
        writer.close()


async def main():
    make_certificates()
    good = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    good.load_cert_chain(f"{folder}/leaf.pem", f"{folder}/leaf.key")
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    old.load_cert_chain(f"{folder}/leaf.pem", f"{folder}/leaf.key")
    old.set_ciphers("ALL:@SECLEVEL=0")
    old.minimum_version = ssl.TLSVersion.TLSv1
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    servers = {
        "plain": await asyncio.start_server(handle, "127.0.0.1", 0),
        "tls": await asyncio.start_server(handle, "127.0.0.1", 0, ssl=good),
        "old": await asyncio.start_server(handle, "127.0.0.1", 0, ssl=old),
    }
    await asyncio.start_unix_server(handle, f"{folder}/socket")
    print(json.dumps({name: s.sockets[0].getsockname()[1] for name, s in servers.items()}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(0)

asyncio.run(main())
