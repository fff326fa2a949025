"""A recall knows who approved it, ballots of who was erased are a number's, and announcements are found by author."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("approved_by", sa.String(length=100), server_default=sa.text("''"), nullable=False)
        )
    # What runs was started by the rule of then, and goes on.
    op.execute("UPDATE campaigns SET approved_by = 'system' WHERE status <> 'draft'")
    with op.batch_alter_table("vote_ballots", schema=None) as batch_op:
        batch_op.drop_constraint("pk_vote_ballots", type_="primary")
        batch_op.drop_constraint("uq_vote_ballots_vote_entry", type_="unique")
        batch_op.alter_column("person_id", existing_type=sa.String(length=64), nullable=True)
        batch_op.alter_column("identity_id", existing_type=sa.String(length=64), nullable=True)
        batch_op.create_primary_key("pk_vote_ballots", ["vote_id", "entry"])
        batch_op.create_unique_constraint("uq_vote_ballots_vote_person", ["vote_id", "person_id"])
    where = sa.text("author >= 'campaign:'")
    op.create_index("ix_outbox_campaign", "outbox", ["author", "status"], sqlite_where=where, postgresql_where=where)
    no = sa.text("NOT granted")
    op.create_index("ix_consents_no", "consents", ["person_id"], sqlite_where=no, postgresql_where=no)


def downgrade() -> None:
    op.drop_index("ix_consents_no", table_name="consents")
    op.drop_index("ix_outbox_campaign", table_name="outbox")
    op.execute("DELETE FROM vote_ballots WHERE person_id IS NULL")
    with op.batch_alter_table("vote_ballots", schema=None) as batch_op:
        batch_op.drop_constraint("pk_vote_ballots", type_="primary")
        batch_op.drop_constraint("uq_vote_ballots_vote_person", type_="unique")
        batch_op.alter_column("person_id", existing_type=sa.String(length=64), nullable=False)
        batch_op.alter_column("identity_id", existing_type=sa.String(length=64), nullable=False)
        batch_op.create_primary_key("pk_vote_ballots", ["vote_id", "person_id"])
        batch_op.create_unique_constraint("uq_vote_ballots_vote_entry", ["vote_id", "entry"])
    with op.batch_alter_table("campaigns", schema=None) as batch_op:
        batch_op.drop_column("approved_by")
