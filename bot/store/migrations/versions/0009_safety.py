"""Safety of the console: an audit that only grows, wrong logins in the database, the second factor, sessions told apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

SQLITE = tuple(
    f"CREATE TRIGGER audit_no_{verb.lower()} BEFORE {verb} ON audit "
    "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
    for verb in ("UPDATE", "DELETE")
)
POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'audit is append-only'; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION audit_append_only()",
)


def _words(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), server_default=sa.text("''"), nullable=False)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.Column("who", sa.String(length=100), nullable=False),
        sa.Column("what", sa.String(length=40), nullable=False),
        _words("subject", 300),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("why", sa.Text(), server_default=sa.text("''"), nullable=False),
        _words("address", 64),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index(op.f("ix_audit_at"), "audit", ["at"], unique=False)
    op.create_index("ix_audit_what", "audit", ["what", "id"], unique=False)
    for statement in SQLITE if op.get_bind().dialect.name == "sqlite" else POSTGRESQL:
        op.execute(statement)
    op.create_table(
        "login_tries",
        sa.Column("login_hash", sa.String(length=64), nullable=False),
        sa.Column("address", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("at", Utc(timezone=True), nullable=False),
        sa.Column("succeeded_at", Utc(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("login_hash", "address", name=op.f("pk_login_tries")),
    )
    op.create_index(op.f("ix_login_tries_at"), "login_tries", ["at"], unique=False)
    op.create_index("ix_login_tries_address", "login_tries", ["address"], unique=False)
    op.create_table(
        "recovery_codes",
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("agent_id", sa.String(length=64), nullable=False),
        sa.Column("used_at", Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["agent_id"], ["agents.id"], name=op.f("fk_recovery_codes_agent_id")),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_recovery_codes")),
    )
    op.create_index(op.f("ix_recovery_codes_agent_id"), "recovery_codes", ["agent_id"], unique=False)
    for column in (_words("email", 200), _words("totp_secret", 300), _words("totp_new", 300)):
        op.add_column("agents", column)
    op.add_column("agents", sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False))
    for column in (_words("way", 10), _words("address", 64), _words("browser", 300)):
        op.add_column("logins", column)


def downgrade() -> None:
    for table, columns in (
        ("logins", ("browser", "address", "way")),
        ("agents", ("totp_step", "totp_new", "totp_secret", "email")),
    ):
        for column in columns:
            op.drop_column(table, column)
    for table in ("recovery_codes", "login_tries", "audit"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_append_only()")
