"""joserfc beside our signed tokens, one line of JSON for each job.

job: {"algorithm", "key": a public key, "token": signed with it}
answer: {"content": of the token, or null when joserfc refuses it; "tampered_is_refused": of the token with its
last byte but one changed; "key", "token": a key of joserfc's own, and a token that it signed}
"""
import base64, json, sys

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey, import_key

CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}


def content(token, key, algorithm):
    try:
        return jws.deserialize_compact(token, key, algorithms=[algorithm]).payload.decode()
    except JoseError:
        return None


def tampered(token):
    signed, _, signature = token.rpartition(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4)))
    raw[-2] ^= 1
    return signed + "." + base64.urlsafe_b64encode(raw).decode().rstrip("=")


def new_key(algorithm):
    if algorithm == "EdDSA":
        return OKPKey.generate_key("Ed25519")
    return ECKey.generate_key(CURVES[algorithm]) if algorithm in CURVES else RSAKey.generate_key(2048)


for line in sys.stdin:
    job = json.loads(line)
    algorithm, token = job["algorithm"], job["token"]
    theirs, ours = import_key(job["key"]), new_key(algorithm)
    print(json.dumps({
        "content": content(token, theirs, algorithm),
        "tampered_is_refused": content(tampered(token), theirs, algorithm) is None,
        "key": ours.as_dict(private=False),
        "token": jws.serialize_compact({"alg": algorithm}, b'{"from":"joserfc"}', ours, algorithms=[algorithm]),
    }))
