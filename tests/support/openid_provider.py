"""A small OpenID provider on loopback. It knows one person, checks each request, and can lie."""

import base64
import hashlib
import secrets
import socket
import threading
import time
from contextlib import contextmanager
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, RedirectResponse
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "dynamics", "a secret of ours"


class Provider:
    """The provider.

    `claims` describe the person who signs in. `lies` replaces claims of the ID token. `signing_key`
    signs the ID token.
    """

    def __init__(self, url):
        self.url = url
        self.key = RSAKey.generate_key(2048, {"kid": "1", "use": "sig"})
        self._requests = {}
        self.reset()
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.configuration),
                Route("/authorize", self.authorize),
                Route("/token", self.token, methods=["POST"]),
                Route("/jwks", lambda _: JSONResponse({"keys": [self.key.as_dict(private=False)]})),
            ]
        )

    def reset(self):
        """Forget all changes of a test."""
        self.claims = {"sub": "42", "email": "vera@example.com", "groups": ["finance"]}
        self.lies = {}
        self.signing_key = self.key

    def configuration(self, _):
        """Return the metadata of the provider."""
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "jwks_uri": f"{self.url}/jwks",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    def authorize(self, request):
        """Redirect back with a code. The person is signed in at the provider already."""
        parameters = dict(request.query_params)
        assert parameters["client_id"] == CLIENT_ID
        assert parameters["response_type"] == "code"
        assert parameters["code_challenge_method"] == "S256"
        assert "openid" in parameters["scope"].split()
        code = secrets.token_urlsafe()
        self._requests[code] = parameters
        answer = urlencode({"code": code, "state": parameters["state"]})
        return RedirectResponse(f"{parameters['redirect_uri']}?{answer}")

    async def token(self, request):
        """Exchange a code for an ID token."""
        form = await request.form()
        parameters = self._requests.pop(form["code"], None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest())
        if (
            parameters is None
            or request.headers["authorization"] != f"Basic {basic}"
            or parameters["redirect_uri"] != form["redirect_uri"]
            or parameters["code_challenge"] != challenge.decode().rstrip("=")
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 60,
            "nonce": parameters["nonce"],
            **self.claims,
            **self.lies,
        }
        id_token = jwt.encode({"alg": "RS256", "kid": "1"}, claims, self.signing_key)
        return JSONResponse({"access_token": "x", "token_type": "Bearer", "id_token": id_token})


@contextmanager
def running():
    """Run a provider on a free port while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    provider = Provider(f"http://127.0.0.1:{listener.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(provider.app, log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
