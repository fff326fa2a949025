"""Single sign-on with OpenID Connect: authorization code with PKCE, state and nonce; an e-mail names the agent.

Facts from OpenID Connect Core 1.0, section 3.1, RFC 7636 (PKCE) and RFC 9207 (the issuer in the answer).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import httpx
from sqlalchemy import Connection, func, select

from bot.errors import NotAllowed, ZhangguiError
from bot.store.tables import agents
from handoff.vault import Vault

TIMEOUT_S = 10.0
STARTED_FOR_S = 600
"""How long somebody may take at the provider."""
LEEWAY_S = 60
ALGORITHMS = ["RS256", "PS256", "ES256", "EdDSA"]
"""None of them with a shared secret, and never `none`."""


class ProviderAway(ZhangguiError):
    """The sign-on provider does not answer as it should. Log in with your password or a link, or try again later."""

    code = "sso"


@dataclass(frozen=True, slots=True)
class Provider:
    """What the shop knows of its provider. `back` is the address that it sends people back to."""

    issuer: str
    client_id: str
    client_secret: str
    name: str
    back: str


@dataclass(frozen=True, slots=True)
class Started:
    """Where the browser goes, and what it must bring back, sealed, in a cookie."""

    address: str
    sealed: str


async def start(provider: Provider, vault: Vault, now: datetime) -> Started:
    """Begin a sign-on.

    Raises:
        ProviderAway: the provider's own description cannot be read.
    """
    async with _client() as client:
        about = await _about(client, provider)
    kept = {name: secrets.token_urlsafe(32) for name in ("state", "nonce", "verifier")}
    challenge = base64.urlsafe_b64encode(hashlib.sha256(kept["verifier"].encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code",
        "client_id": provider.client_id,
        "redirect_uri": provider.back,
        "scope": "openid email",
        "state": kept["state"],
        "nonce": kept["nonce"],
        "code_challenge": challenge,
        "code_challenge_method": "S256",
    }
    join = "&" if "?" in about["authorization_endpoint"] else "?"
    address = f"{about['authorization_endpoint']}{join}{urlencode(asked)}"
    return Started(address, vault.close(json.dumps(kept), int(now.timestamp())))


async def finish(provider: Provider, vault: Vault, sealed: str, answer: Mapping[str, str], now: datetime) -> str:
    """Return the verified e-mail address of who came back from the provider.

    Args:
        sealed: what `start` gave the browser.
        answer: the parameters with which the provider sent the browser back.

    Raises:
        NotAllowed: the answer does not belong to what was begun, or the provider does not vouch for the address.
        ProviderAway: the provider does not answer as it should.
    """
    kept = json.loads(vault.open(sealed, int(now.timestamp()), STARTED_FOR_S))
    if not hmac.compare_digest(kept["state"].encode(), answer.get("state", "").encode()):
        raise NotAllowed("The answer of the sign-on provider does not fit to what was begun here. Begin again.")
    if answer.get("iss", provider.issuer) != provider.issuer or not answer.get("code"):
        raise NotAllowed("The sign-on provider did not let you in. Begin again, or ask who looks after it.")
    async with _client() as client:
        about = await _about(client, provider)
        token = await _id_token(client, provider, about, answer["code"], kept["verifier"])
        keys = await _json(client.get(about["jwks_uri"]))
    claims = _claims(provider, token, keys, kept["nonce"], now)
    email = claims.get("email")
    if not isinstance(email, str) or claims.get("email_verified") is not True:
        raise NotAllowed("The sign-on provider does not vouch for your e-mail address. Have it verified there.")
    return email


def login_of(connection: Connection, email: str) -> str | None:
    """Return the login of the agent with this e-mail address, None if there is none at work."""
    same = func.lower(agents.c.email) == email.strip().lower()
    found = connection.execute(select(agents.c.login).where(same, agents.c.disabled.is_(False))).scalars().all()
    return str(found[0]) if len(found) == 1 and email.strip() else None


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False)


async def _about(client: httpx.AsyncClient, provider: Provider) -> dict[str, Any]:
    about = await _json(client.get(f"{provider.issuer}/.well-known/openid-configuration"))
    needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if about.get("issuer") != provider.issuer or not all(isinstance(about.get(name), str) for name in needed):
        raise ProviderAway
    return about


async def _id_token(
    client: httpx.AsyncClient, provider: Provider, about: Mapping[str, Any], code: str, verifier: str
) -> str:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.back,
        "client_id": provider.client_id,
        "code_verifier": verifier,
    }
    login = httpx.BasicAuth(provider.client_id, provider.client_secret)
    answer = await _json(client.post(about["token_endpoint"], data=form, auth=login))
    token = answer.get("id_token")
    if not isinstance(token, str):
        raise ProviderAway
    return token


async def _json(asking: Any) -> dict[str, Any]:
    try:
        response = await asking
        response.raise_for_status()
        found = response.json()
    except (httpx.HTTPError, ValueError):
        raise ProviderAway from None
    if not isinstance(found, dict):
        raise ProviderAway
    return found


def _claims(provider: Provider, token: str, keys: Mapping[str, Any], nonce: str, now: datetime) -> dict[str, Any]:
    from joserfc import jwt  # 2 MB that only a shop with such a provider needs
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    rules = jwt.JWTClaimsRegistry(
        now=int(now.timestamp()),
        leeway=LEEWAY_S,
        iss={"essential": True, "value": provider.issuer},
        aud={"essential": True, "value": provider.client_id},
        exp={"essential": True},
        nonce={"essential": True, "value": nonce},
    )
    try:
        claims = jwt.decode(token, KeySet.import_key_set(keys), algorithms=ALGORITHMS).claims  # type: ignore[arg-type]
        rules.validate(claims)
    except (JoseError, ValueError, KeyError, TypeError):
        raise NotAllowed("The token of the sign-on provider is not right for this shop. Begin again.") from None
    if claims.get("azp", provider.client_id) != provider.client_id:
        raise NotAllowed("The token of the sign-on provider was made for another program. Begin again.")
    return dict(claims)
