"""The tables of the console's safety: who did what, wrong logins, and the second factor."""

from __future__ import annotations

from sqlalchemy import DDL, JSON, Column, ForeignKey, Index, Integer, String, Table, Text, event, text

from bot.store.columns import Id, Serial, Utc, metadata

audit = Table(  # rows are added and never changed: triggers refuse the rest
    "audit",
    metadata,
    Column("id", Serial, primary_key=True, autoincrement=True),
    Column("at", Utc, nullable=False, index=True),
    Column("who", String(100), nullable=False),  # agent:ID | command | system | nobody
    Column("what", String(40), nullable=False),  # login | login_failed | logout | reveal | export | role | …
    Column("subject", String(300), nullable=False, default="", server_default=text("''")),  # agent:ID, person:ID, …
    Column("before", JSON),
    Column("after", JSON),
    Column("why", Text, nullable=False, default="", server_default=text("''")),  # in the words of who did it
    Column("address", String(64), nullable=False, default="", server_default=text("''")),  # from which it was done
    Index("ix_audit_what", "what", "id"),
)
login_tries = Table(  # wrong logins, so that guessing gets slow in all processes at once
    "login_tries",
    metadata,
    Column("login_hash", String(64), primary_key=True),  # of what was typed, which may be a password by mistake
    Column("address", String(64), primary_key=True),
    Column("failures", Integer, nullable=False, default=0),
    Column("at", Utc, nullable=False, index=True),  # of the last try
    Column("succeeded_at", Utc),  # this account logged in from this address
    Index("ix_login_tries_address", "address"),
)
recovery_codes = Table(  # each opens the console once in place of a code from the phone; only the hash is kept
    "recovery_codes",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("agent_id", Id, ForeignKey("agents.id"), nullable=False, index=True),
    Column("used_at", Utc),
)

APPEND_ONLY: dict[str, tuple[str, ...]] = {
    "sqlite": tuple(
        f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
        "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ),
    "postgresql": (
        """CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$""",
        """CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
        EXECUTE FUNCTION audit_append_only()""",
    ),
}
"""What makes a database refuse to change the audit, by dialect."""

for _dialect, _statements in APPEND_ONLY.items():
    for _statement in _statements:
        event.listen(audit, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
