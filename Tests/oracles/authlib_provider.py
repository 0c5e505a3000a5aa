"""An OpenID Connect provider of Authlib's: its grant, its PKCE check, its signed tokens.

usage: authlib_provider.py CLIENT_ID CLIENT_SECRET REDIRECT_URI
Prints one JSON line: {"issuer"}. Ends when its standard input does.
Whoever comes to /authorize is signed in at once, as the subject and address of `login_hint`, or as ada. The
address comes from the userinfo endpoint alone, as section 5.4 of OpenID Connect Core 1.0 has it.
It has one key for each algorithm, all of one key id, and begins with RS256.
POST /algorithm/ES384: signs so from now on.
POST /rotate: other keys sign from now on, and the old ones are gone.
"""
import json, logging, os, sys, threading, time

os.environ["AUTHLIB_INSECURE_TRANSPORT"] = "1"
logging.disable(logging.CRITICAL)

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oidc.core import OpenIDCode, UserInfo
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey
from werkzeug.serving import make_server

client_id, client_secret, redirect_uri = sys.argv[1:4]
app = flask.Flask("provider")
codes, tokens = {}, {}


CURVES = {"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}
RSA = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"]


def new_keys(number):
    def about(algorithm): return {"use": "sig", "alg": algorithm, "kid": f"key {number}"}
    keys = {name: RSAKey.generate_key(2048, about(name)) for name in RSA}
    keys |= {name: ECKey.generate_key(curve, about(name)) for name, curve in CURVES.items()}
    return keys | {"EdDSA": OKPKey.generate_key("Ed25519", about("EdDSA"))}


keys, algorithm = [new_keys(1)], ["RS256"]


def key(): return keys[-1][algorithm[0]]


class Client(ClientMixin):
    def get_client_id(self): return client_id
    def get_default_redirect_uri(self): return redirect_uri
    def get_allowed_scope(self, scope): return scope
    def check_redirect_uri(self, uri): return uri == redirect_uri
    def check_client_secret(self, secret): return secret == client_secret
    def check_endpoint_auth_method(self, method, endpoint): return method == "client_secret_basic"
    def check_response_type(self, kind): return kind == "code"
    def check_grant_type(self, kind): return kind == "authorization_code"


class User:
    def __init__(self, sub): self.sub = sub
    def get_user_id(self): return self.sub


class Code:
    def __init__(self, **fields): self.__dict__.update(fields)
    def get_redirect_uri(self): return self.redirect_uri
    def get_scope(self): return self.scope
    def get_nonce(self): return self.nonce
    def get_auth_time(self): return self.auth_time
    def get_acr(self): return None
    def get_amr(self): return None


class Token(TokenMixin):
    def __init__(self, user): self.user = user
    def check_client(self, client): return True
    def get_scope(self): return "openid email"
    def get_expires_in(self): return 300
    def is_expired(self): return False
    def is_revoked(self): return False


class Grant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]

    def save_authorization_code(self, code, request):
        data = request.payload.data
        codes[code] = Code(
            code=code, user=request.user, redirect_uri=request.payload.redirect_uri,
            scope=request.payload.scope, nonce=data.get("nonce"), auth_time=int(time.time()),
            code_challenge=data.get("code_challenge"),
            code_challenge_method=data.get("code_challenge_method"))

    def query_authorization_code(self, code, client): return codes.get(code)
    def delete_authorization_code(self, code): codes.pop(code.code, None)
    def authenticate_user(self, code): return code.user


class IDToken(OpenIDCode):
    def exists_nonce(self, nonce, request): return any(code.nonce == nonce for code in codes.values())

    def get_jwt_config(self, grant, client=None):
        return {"key": key(), "alg": algorithm[0], "iss": issuer, "exp": 300}

    def resolve_client_private_key(self, client): return key()
    def get_client_claims(self, client): return {"iss": issuer}
    def get_client_algorithm(self, client): return algorithm[0]
    def generate_user_info(self, user, scope): return UserInfo(sub=user.sub)


class Validator(BearerTokenValidator):
    def authenticate_token(self, text): return tokens.get(text)


def save_token(token, request): tokens[token["access_token"]] = Token(request.user)


server = AuthorizationServer(app, query_client=lambda id: Client() if id == client_id else None,
                             save_token=save_token)
server.register_grant(Grant, [IDToken(require_nonce=True), CodeChallenge(required=True)])
protected = ResourceProtector()
protected.register_token_validator(Validator())


@app.get("/.well-known/openid-configuration")
def discovery():
    return {
        "issuer": issuer, "authorization_endpoint": issuer + "/authorize",
        "token_endpoint": issuer + "/token", "jwks_uri": issuer + "/jwks",
        "userinfo_endpoint": issuer + "/userinfo", "response_types_supported": ["code"],
        "subject_types_supported": ["public"], "id_token_signing_alg_values_supported": list(keys[-1]),
        "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        "code_challenge_methods_supported": ["S256"],
    }


@app.get("/jwks")
def jwks(): return KeySet(list(keys[-1].values())).as_dict(private=False)


@app.get("/authorize")
def authorize():
    user = User(flask.request.args.get("login_hint", "ada"))
    return server.create_authorization_response(grant_user=user, grant=server.get_consent_grant(user))


@app.post("/token")
def token(): return server.create_token_response()


@app.get("/userinfo")
@protected("openid")
def userinfo():
    sub = current_token.user.sub
    return {"sub": sub, "email": sub + "@people.example", "email_verified": True}


@app.post("/rotate")
def rotate():
    keys.append(new_keys(len(keys) + 1))
    return "", 204


@app.post("/algorithm/<name>")
def choose(name):
    algorithm[0] = name
    return "", 204 if name in keys[-1] else 404


http = make_server("127.0.0.1", 0, app, threaded=True)
issuer = f"http://127.0.0.1:{http.server_port}"
threading.Thread(target=http.serve_forever, daemon=True).start()
print(json.dumps({"issuer": issuer}), flush=True)
sys.stdin.read()
