"""A note that comes twice after a lost connection is kept once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("notes", sa.Column("key", sa.String(length=300), nullable=True))
    op.create_index("ix_notes_key", "notes", ["key"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_notes_key", table_name="notes")
    op.drop_column("notes", "key")
