"""Sends mail by SMTP (RFC 5321), encrypted where the settings do not say otherwise."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path

from bot.messages import Receipt, SendStatus
from bot.settings import Codes

TIMEOUT_S = 20.0
FOR_EVER = range(500, 600)
"""Answers after which the same mail is not tried again (RFC 5321, 4.2.1)."""


@dataclass(frozen=True, slots=True)
class Smtp:
    """The shop's mail server: a `Post` (see `bot.shop.codes`). Its answers are not told, as they may name customers."""

    settings: Codes
    password: str = field(default="", repr=False)

    async def send(self, to: str, subject: str, text: str) -> Receipt:
        """Send a plain text. What breaks off while the text is handed over may have arrived: that is `UNSURE`."""
        try:
            mail = self._mail(to, subject, text)
        except (ValueError, IndexError):  # `To` of an address that is none
            return Receipt(SendStatus.REFUSED, reason="the address is not one that mail can be sent to")
        return await asyncio.to_thread(self._hand_over, mail)

    def _mail(self, to: str, subject: str, text: str) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"], mail["Subject"] = self.settings.sender, to, subject
        mail["Date"] = formatdate()
        mail["Message-ID"] = make_msgid(domain=self.settings.sender.rpartition("@")[2] or "localhost")
        mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answer wanted
        mail.set_content(text)
        return mail

    def _hand_over(self, mail: EmailMessage) -> Receipt:
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            return _down(error)
        try:
            return self._over(server, mail)
        finally:
            _leave(server)

    def _over(self, server: smtplib.SMTP, mail: EmailMessage) -> Receipt:
        try:
            if self.settings.smtp_user:
                server.login(self.settings.smtp_user, self.password)
        except smtplib.SMTPAuthenticationError:
            why = "the mail server refuses the login; check smtp_user and smtp_password"
            return Receipt(SendStatus.TRANSIENT, reason=why)
        except (OSError, smtplib.SMTPException) as error:
            return _down(error)
        try:
            server.send_message(mail)
        except smtplib.SMTPRecipientsRefused as error:
            return _refused(max((code for code, _ in error.recipients.values()), default=0), "the address")
        except smtplib.SMTPResponseException as error:
            return _refused(error.smtp_code, "the mail")
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            return Receipt(SendStatus.UNSURE, reason=f"the mail server broke off ({type(error).__name__})")
        except smtplib.SMTPException as error:
            return _down(error)
        return Receipt(SendStatus.SENT)

    def _connected(self) -> smtplib.SMTP:
        host, port, context = self.settings.smtp_host, self.settings.smtp_port, ssl.create_default_context()
        if self.settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_S, context=context)
        server = smtplib.SMTP(host, port, timeout=TIMEOUT_S)
        if self.settings.smtp_security == "starttls":
            try:
                server.starttls(context=context)
            except BaseException:
                server.close()
                raise
        return server


def _refused(code: int, what: str) -> Receipt:
    if code in FOR_EVER:
        return Receipt(SendStatus.REFUSED, reason=f"the mail server refuses {what} ({code})")
    return Receipt(SendStatus.TRANSIENT, reason=f"the mail server does not take {what} now ({code})")


def _down(error: Exception) -> Receipt:
    return Receipt(SendStatus.TRANSIENT, reason=f"the mail server cannot be used ({type(error).__name__})")


def _leave(server: smtplib.SMTP) -> None:
    """Say goodbye; what the server answers to that changes nothing about a mail it took."""
    with suppress(OSError, smtplib.SMTPException):
        server.quit()
    server.close()


def make_post(settings: Codes, folder: Path) -> Smtp:
    """Return the shop's mail server.

    Raises:
        SettingsError: the password is not where the settings say.
    """
    secret = settings.smtp_password
    return Smtp(settings, secret.read(folder, "codes.smtp_password") if secret else "")
