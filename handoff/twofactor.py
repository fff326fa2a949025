"""The second factor: codes of an app on the phone (TOTP, RFC 6238), and recovery codes for when the phone is gone."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

import pyotp
from sqlalchemy import Connection, delete, insert, select, update

from bot.store.tables import agents, recovery_codes
from handoff.vault import Vault

STEP_S = 30
DRIFT_STEPS = 1
"""How many steps the phone's clock may be off, either way."""
RECOVERY_CODES = 10
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without I, O, 0 and 1, which look alike on paper."""
_GROUPS, _GROUP = 4, 4


def begin(connection: Connection, vault: Vault, agent_id: str, now: datetime) -> str:
    """Return a new secret for the agent's phone. It counts once `confirm` has seen a code made with it."""
    secret = pyotp.random_base32()
    sealed = vault.close(secret, int(now.timestamp()))
    connection.execute(update(agents).where(agents.c.id == agent_id).values(totp_new=sealed))
    return secret


def begun(connection: Connection, vault: Vault, agent_id: str, now: datetime) -> str:
    """Return the secret that waits for its first code, empty if none does."""
    sealed = connection.execute(select(agents.c.totp_new).where(agents.c.id == agent_id)).scalar()
    return vault.open(sealed, int(now.timestamp())) if sealed else ""


def address_of(secret: str, login: str, shop: str) -> str:
    """Return the `otpauth://` address that apps read from a picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=shop)


def confirm(connection: Connection, vault: Vault, agent_id: str, code: str, now: datetime) -> bool:
    """Switch the second factor on if the code was made with the new secret."""
    sealed = connection.execute(select(agents.c.totp_new).where(agents.c.id == agent_id)).scalar()
    step = _step_of(vault.open(sealed, int(now.timestamp())), code, now) if sealed else None
    if step is None:
        return False
    on = {"totp_secret": sealed, "totp_new": "", "totp_step": step}
    same = agents.c.id == agent_id, agents.c.totp_new == sealed
    return connection.execute(update(agents).where(*same).values(on)).rowcount == 1


def accepts(connection: Connection, vault: Vault, agent_id: str, code: str, now: datetime) -> bool:
    """Return whether a code of the phone or a recovery code fits, and use it up: none is taken twice."""
    sealed = connection.execute(select(agents.c.totp_secret).where(agents.c.id == agent_id)).scalar()
    if not sealed:
        return False
    step = _step_of(vault.open(sealed, int(now.timestamp())), code, now)
    if step is None:
        return _use_recovery(connection, agent_id, code, now)
    later = agents.c.id == agent_id, agents.c.totp_step < step
    return connection.execute(update(agents).where(*later).values(totp_step=step)).rowcount == 1


def new_recovery_codes(connection: Connection, agent_id: str) -> tuple[str, ...]:
    """Return new recovery codes, to be shown once; the old ones are worth nothing from now on."""
    codes = tuple(_recovery_code() for _ in range(RECOVERY_CODES))
    connection.execute(delete(recovery_codes).where(recovery_codes.c.agent_id == agent_id))
    connection.execute(insert(recovery_codes), [{"hash": _hash(code), "agent_id": agent_id} for code in codes])
    return codes


def recovery_codes_left(connection: Connection, agent_id: str) -> int:
    """Return how many recovery codes are not used yet."""
    unused = recovery_codes.c.agent_id == agent_id, recovery_codes.c.used_at.is_(None)
    return len(connection.execute(select(recovery_codes.c.hash).where(*unused)).all())


def switch_off(connection: Connection, agent_id: str) -> None:
    """Forget the agent's second factor and recovery codes."""
    connection.execute(delete(recovery_codes).where(recovery_codes.c.agent_id == agent_id))
    off = {"totp_secret": "", "totp_new": "", "totp_step": 0}
    connection.execute(update(agents).where(agents.c.id == agent_id).values(off))


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """Return the step in which the phone made this code, None if it is none of now."""
    said = "".join(code.split())
    here = int(now.timestamp()) // STEP_S
    totp = pyotp.TOTP(secret, interval=STEP_S)
    steps = range(here - DRIFT_STEPS, here + DRIFT_STEPS + 1)
    fits = [step for step in steps if secrets.compare_digest(totp.generate_otp(step).encode(), said.encode())]
    return fits[-1] if fits else None


def _use_recovery(connection: Connection, agent_id: str, code: str, now: datetime) -> bool:
    unused = recovery_codes.c.hash == _hash(code), recovery_codes.c.agent_id == agent_id
    using = update(recovery_codes).where(*unused, recovery_codes.c.used_at.is_(None))
    return connection.execute(using.values(used_at=now)).rowcount == 1


def _recovery_code() -> str:
    letters = [secrets.choice(_LETTERS) for _ in range(_GROUPS * _GROUP)]
    return "-".join("".join(letters[at : at + _GROUP]) for at in range(0, len(letters), _GROUP))


def _hash(code: str) -> str:
    # 80 random bits: nobody finds them by trying, so a slow hash would only slow the login.
    plain = "".join(code.upper().replace("-", "").split())
    return hashlib.sha256(plain.encode()).hexdigest()
