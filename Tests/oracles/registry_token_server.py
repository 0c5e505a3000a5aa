"""The token server of an image registry. usage: registry_token_server.py FOLDER LOG USERNAME PASSWORD

Signs the tokens that the registry verifies. Prints {"realm", "certificates"}; ends when its standard input does.
"""
import base64, datetime, json, os, sys, threading, time, urllib.parse, uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.x509.oid import NameOID

folder, log_path, username, password = sys.argv[1:5]
key = ec.generate_private_key(ec.SECP256R1())
name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test-issuer")])
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (
    x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    .serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
    .not_valid_after(now + datetime.timedelta(days=1))
    .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
)
bundle = os.path.join(folder, "token-certificates.pem")
with open(bundle, "wb") as file:
    file.write(certificate.public_bytes(serialization.Encoding.PEM))
encode = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(service, access):
    der = base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()
    head = {"typ": "JWT", "alg": "ES256", "x5c": [der]}
    seconds = int(time.time())
    claims = {"iss": "test-issuer", "sub": username, "aud": service, "exp": seconds + 300, "nbf": seconds - 10,
              "iat": seconds, "jti": str(uuid.uuid4()), "access": access}
    text = ".".join(encode(json.dumps(part).encode()) for part in (head, claims))
    r, s = utils.decode_dss_signature(key.sign(text.encode(), ec.ECDSA(hashes.SHA256())))
    return text + "." + encode(r.to_bytes(32, "big") + s.to_bytes(32, "big"))


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        right = "Basic " + base64.b64encode(f"{username}:{password}".encode()).decode()
        presented = self.headers["Authorization"]
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        with open(log_path, "a") as log:
            log.write(f"{query.get('scope', [''])[0]} {'anonymous' if not presented else presented == right}\n")
        if presented not in (None, right):
            return self.answer(401, {})
        access = []
        for scope in query.get("scope", []) if presented else []:
            kind, repository, actions = scope.split(":")
            access.append({"type": kind, "name": repository, "actions": actions.split(",")})
        self.answer(200, {"token": token(query["service"][0], access)})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(json.dumps({"realm": f"http://127.0.0.1:{server.server_port}/token", "certificates": bundle}), flush=True)
sys.stdin.read()
os._exit(0)
