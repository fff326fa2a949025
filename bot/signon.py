"""The provider of the agents' single sign-on, from the settings."""

from __future__ import annotations

from pathlib import Path

from bot.channels import public_url
from bot.settings import Settings
from handoff.sso import Provider

BACK = "/console/login/sso/back"


def sign_on(settings: Settings, folder: Path) -> Provider | None:
    """Return the provider, None where there is none.

    Raises:
        SettingsError: its secret is missing.
    """
    if (sso := settings.agents.sso) is None:
        return None
    secret = sso.client_secret.read(folder, "agents.sso.client_secret")
    return Provider(sso.issuer, sso.client_id, secret, sso.name, public_url(settings) + BACK)
