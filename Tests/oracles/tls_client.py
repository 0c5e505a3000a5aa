"""Speaks TLS, or something else, to a port as no well-behaved client does. Arguments: port, CA file, scenario.

Python's own ssl module judges: without suppress_ragged_eofs an end without close_notify is an error, and a
reset is one anyway. Prints one line of JSON; ends with a traceback where the server fails to do its part.
"""
import json, os, socket, ssl, struct, sys, time

port, authority, scenario = int(sys.argv[1]), sys.argv[2], sys.argv[3]
context = ssl.create_default_context(cafile=authority)


def tcp():
    return socket.create_connection(("127.0.0.1", port), timeout=50)


def tls():
    return context.wrap_socket(tcp(), server_hostname="a.localhost", suppress_ragged_eofs=False)


def everything(connection):
    text = b""
    while more := connection.recv(65536):
        text += more
    return text


def ask(connection, path):
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: a.localhost\r\n\r\n".encode())


def hello():
    """A client hello's bytes."""
    outgoing = ssl.MemoryBIO()
    try:
        context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="a.localhost").do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()


def farewell():
    """The server ends its direction first; what the client still says arrives, and both say close_notify."""
    connection = tls()
    ask(connection, "/farewell")
    assert everything(connection) == b"bye"
    connection.sendall(b"late")
    connection.unwrap()


def client_farewell():
    """The client says close_notify, and the server answers with its own."""
    connection = tls()
    ask(connection, "/ok")
    assert b"200 OK" in connection.recv(65536)
    connection.unwrap()


def ragged():
    connection = tls()
    connection.sendall(b"unfinished")
    time.sleep(0.2)
    connection.shutdown(socket.SHUT_RDWR)


def greeting():
    """The server wrote before the handshake was done."""
    connection = tls()
    assert everything(connection) == b"hello"


def garbage(bytes):
    connection = tcp()
    start = time.monotonic()
    connection.sendall(bytes)
    everything(connection)
    assert time.monotonic() - start < 3, "not closed at once"


def silence(bytes):
    """How long the server waits for (the rest of) a hello."""
    connection = tcp()
    connection.sendall(bytes)
    start = time.monotonic()
    everything(connection)
    print(json.dumps({"seconds": time.monotonic() - start}))


def deaths():
    """Dies by reset: within the hello, after it, after the handshake, within an answer and within a body."""
    for number in range(60):
        if number % 5 < 2:
            connection = tcp()
            connection.sendall(hello()[: 100 if number % 5 == 0 else None])
        else:
            connection = tls()
        if number % 5 == 3:
            ask(connection, "/large/100000000")
            connection.recv(1000)
        if number % 5 == 4:
            connection.sendall(b"POST /take HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999\r\n\r\n" + b"x" * 70000)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def stalled():
    """Takes nothing of an endless answer, until it is killed."""
    connection = tls()
    ask(connection, "/large/200000000")
    connection.recv(1000)
    print("stalled", flush=True)
    time.sleep(60)


{
    "farewell": farewell,
    "client_farewell": client_farewell,
    "ragged": ragged,
    "greeting": greeting,
    "plaintext": lambda: garbage(b"GET / HTTP/1.1\r\nHost: a.localhost\r\n\r\n"),
    "noise": lambda: garbage(os.urandom(1_000_000)),
    "broken_hello": lambda: garbage(hello()[:60] + b"\xff" * 2000),
    "silence": lambda: silence(b""),
    "half_hello": lambda: silence(hello()[:100]),
    "deaths": deaths,
    "stalled": stalled,
}[scenario]()
