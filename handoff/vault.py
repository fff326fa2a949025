"""Keeps small secrets in the database and in cookies, encrypted with a key made of the shop's own secret."""

from __future__ import annotations

import base64

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from bot.errors import NotAllowed


class Vault:
    """Encrypts and opens again. Each purpose has a key of its own, so that nothing can be used in another's place."""

    def __init__(self, secret: str, purpose: str) -> None:
        key = HKDF(SHA256(), 32, None, purpose.encode()).derive(secret.encode())
        self._fernet = Fernet(base64.urlsafe_b64encode(key))

    def close(self, text: str, now_s: int) -> str:
        """Return `text` encrypted, with the time."""
        return self._fernet.encrypt_at_time(text.encode(), now_s).decode()

    def open(self, sealed: str, now_s: int, within_s: int | None = None) -> str:
        """Return what was encrypted.

        Args:
            within_s: how old it may be.

        Raises:
            NotAllowed: it was not encrypted with this key, or is too old.
        """
        try:
            if within_s is None:
                return self._fernet.decrypt(sealed.encode()).decode()
            return self._fernet.decrypt_at_time(sealed.encode(), within_s, now_s).decode()
        except InvalidToken:
            raise NotAllowed("This was made with another secret of the shop, or too long ago. Begin again.") from None
