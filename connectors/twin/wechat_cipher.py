"""WeChat's callback envelope, written from the published rules (消息加解密说明 / Message Encryption). Pure."""

from __future__ import annotations

import base64
import hashlib
import re
import struct
from collections.abc import Mapping
from typing import TypeAlias
from xml.etree import ElementTree

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

Fields: TypeAlias = "Mapping[str, str | int | Fields]"
"""Elements by name; one with elements of its own is a mapping again."""

_BLOCK = 32
_HEAD = 20  # 16 random bytes and the length, 4 bytes, big end first


def sign(*parts: str) -> str:
    """Return the signature: SHA-1 over the sorted and joined parts."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def encrypt(aes_key: str, app_id: str, text: str, noise: bytes) -> str:
    """Return `text` sealed for `app_id`.

    Args:
        aes_key: EncodingAESKey, 43 characters.
        noise: 16 random bytes.
    """
    content = text.encode()
    plain = noise + struct.pack(">I", len(content)) + content + app_id.encode()
    filler = _BLOCK - len(plain) % _BLOCK
    encryptor = _cipher(aes_key).encryptor()
    sealed = encryptor.update(plain + bytes([filler]) * filler) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def decrypt(aes_key: str, app_id: str, sealed: str) -> str:
    """Return the text inside `sealed`.

    Raises:
        ValueError: it is damaged, or sealed for another app.
    """
    decryptor = _cipher(aes_key).decryptor()
    padded = decryptor.update(base64.b64decode(sealed, validate=True)) + decryptor.finalize()
    if len(padded) < _HEAD or not 1 <= padded[-1] <= _BLOCK:
        raise ValueError("damaged")
    plain = padded[: -padded[-1]]
    (length,) = struct.unpack(">I", plain[16:_HEAD])
    if plain[_HEAD + length :] != app_id.encode():
        raise ValueError("wrong app id")
    return plain[_HEAD : _HEAD + length].decode()


def to_xml(fields: Fields) -> str:
    """Return WeChat's XML; a text that holds `]]>` is spread over two CDATA sections."""
    return f"<xml>{_elements(fields)}</xml>"


def from_xml(text: str) -> dict[str, str]:
    """Read flat XML.

    Raises:
        ValueError: it is not XML, or its root is not `xml`.
    """
    return {child.tag: child.text or "" for child in tree_of(text)}


def tree_of(text: str) -> ElementTree.Element:
    """Read XML with elements inside elements.

    Raises:
        ValueError: it is not XML, or its root is not `xml`.
    """
    if "<!DOCTYPE" in text:
        raise ValueError("document types are not part of the format")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as fault:
        raise ValueError("not XML") from fault
    if root.tag != "xml":
        raise ValueError("root is not xml")
    return root


def _elements(fields: Fields) -> str:
    return "".join(f"<{name}>{_value(value)}</{name}>" for name, value in fields.items())


def _value(value: str | int | Fields) -> str:
    if isinstance(value, int):
        return str(value)
    if not isinstance(value, str):
        return _elements(value)
    # XML 1.0 has no place for most control characters; WeChat never sends them.
    clean = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]", "", value)
    return "<![CDATA[" + clean.replace("]]>", "]]]]><![CDATA[>") + "]]>"


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))
