"""A small OpenID Connect provider on this machine that signs real tokens, and can be told to lie."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

CLIENT, SECRET = "shop", "client secret"


@dataclass
class SignOn:
    """The provider. `email` is who is logged in there; `lies` replaces claims, `forge` signs with a key of its own."""

    clock: Any
    address: str = ""
    email: str = "li@shop.test"
    verified: bool = True
    lies: dict[str, Any] = field(default_factory=dict)
    forge: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "k1"}))

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/.well-known/openid-configuration")
        def about() -> dict[str, str]:
            ends = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "jwks"}
            return {"issuer": self.address, **{name: f"{self.address}/{end}" for name, end in ends.items()}}

        @app.get("/authorize")
        def authorize(request: Request) -> Response:
            asked = dict(request.query_params)
            self.asked.append(asked)
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"], "iss": self.address})
            return RedirectResponse(f"{asked['redirect_uri']}?{back}", 303)

        @app.post("/token")
        def token(
            request: Request,
            code: Annotated[str, Form()],
            code_verifier: Annotated[str, Form()],
            redirect_uri: Annotated[str, Form()],
            grant_type: Annotated[str, Form()],
        ) -> Response:
            asked = self.codes.pop(code, None)
            login = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            digest = _base64(hashlib.sha256(code_verifier.encode()).digest())
            right = asked is not None and asked["code_challenge"] == digest and asked["redirect_uri"] == redirect_uri
            known = request.headers.get("authorization", "").removeprefix("Basic ")
            if asked is None or not right or grant_type != "authorization_code" or known not in (login, _quoted(login)):
                return JSONResponse({"error": "invalid_grant"}, 400)
            return JSONResponse({"id_token": self._token(asked), "token_type": "Bearer", "access_token": "x"})

        @app.get("/jwks")
        def jwks() -> dict[str, Any]:
            return KeySet([self.key]).as_dict(private=False)  # type: ignore[return-value]

        return app

    def _token(self, asked: dict[str, str]) -> str:
        now = int(self.clock.now().timestamp())
        claims = {"iss": self.address, "aud": CLIENT, "sub": "42", "iat": now, "exp": now + 300}
        claims |= {"nonce": asked["nonce"], "email": self.email, "email_verified": self.verified} | self.lies
        if self.forge in ("HS256", "none"):  # by hand: libraries refuse to make these
            signed = f"{_text({'alg': self.forge, 'kid': 'k1'})}.{_text(claims)}"
            seal = hmac.digest(self.key.as_pem(private=False), signed.encode(), "sha256")
            return f"{signed}.{_base64(seal) if self.forge == 'HS256' else ''}"
        key = RSAKey.generate_key(2048, {"kid": "k1"}) if self.forge else self.key
        return jwt.encode({"alg": "RS256", "kid": "k1"}, claims, key)


def _text(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _quoted(login: str) -> str:
    return base64.b64encode(f"{CLIENT}:{SECRET.replace(' ', '+')}".encode()).decode()


@contextmanager
def running(provider: SignOn) -> Iterator[SignOn]:
    """Serve it on a free port of this machine."""
    server = uvicorn.Server(uvicorn.Config(provider.app(), host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    provider.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        yield provider
    finally:
        server.should_exit = True
        thread.join(10)
