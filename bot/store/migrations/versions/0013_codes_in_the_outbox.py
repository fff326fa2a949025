"""One-time codes leave through the outbox: what is told of a send is there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    codes = sa.table("proof_codes", sa.column("status", sa.String))
    # What waited is not sent any more: whoever waits for it asks for a new one within its ten minutes.
    op.execute(codes.update().where(codes.c.status.in_(("waiting", "failed"))).values(status="nobody"))
    op.execute(codes.update().where(codes.c.status == "sent").values(status="asked"))
    with op.batch_alter_table("proof_codes", schema=None) as batch_op:
        batch_op.drop_column("language")
        batch_op.drop_column("attempts")
        batch_op.drop_column("not_before")


def downgrade() -> None:
    with op.batch_alter_table("proof_codes", schema=None) as batch_op:
        batch_op.add_column(sa.Column("language", sa.String(length=8), nullable=False, server_default="en"))
        batch_op.add_column(sa.Column("attempts", sa.Integer(), nullable=False, server_default="1"))
        batch_op.add_column(
            sa.Column("not_before", Utc(timezone=True), nullable=False, server_default=sa.func.current_timestamp())
        )
    codes = sa.table("proof_codes", sa.column("status", sa.String))
    op.execute(codes.update().where(codes.c.status == "asked").values(status="sent"))
