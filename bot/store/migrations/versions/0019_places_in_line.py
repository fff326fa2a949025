"""Claims follow the merged customer, several pieces a person, and a line for those who come too late."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from bot.store.columns import Utc

revision = "0019"
down_revision = "0017"
branch_labels = None
depends_on = None

_TIMERS = sa.table(
    "timers",
    sa.column("key", sa.String),
    sa.column("kind", sa.String),
    sa.column("payload", sa.JSON),
    sa.column("due_at", Utc(timezone=True)),
    sa.column("attempts", sa.Integer),
)


def upgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("pins", sa.Boolean(), server_default=sa.false(), nullable=False))
    with op.batch_alter_table("sales", schema=None) as batch_op:
        batch_op.add_column(sa.Column("limit_each", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("offer_s", sa.Integer(), server_default="300", nullable=False))
        batch_op.add_column(sa.Column("early", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
        batch_op.add_column(sa.Column("min_age_s", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("pay_url", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("texts", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))
        batch_op.add_column(sa.Column("made_by", sa.String(length=100), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(
            sa.Column("approved_by", sa.String(length=100), server_default=sa.text("''"), nullable=False)
        )
        batch_op.add_column(sa.Column("was_planned", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("last_place", sa.Integer(), server_default="0", nullable=False))
    with op.batch_alter_table("sales", schema=None) as batch_op:
        for column in ("early", "texts"):
            batch_op.alter_column(column, existing_type=sa.JSON(), server_default=None)
    with op.batch_alter_table("sale_claims", schema=None) as batch_op:
        batch_op.drop_constraint("uq_sale_claims_sale_person", type_="unique")
        batch_op.add_column(sa.Column("buyer", sa.String(length=80), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("piece", sa.Integer(), server_default="1", nullable=False))
        batch_op.add_column(sa.Column("place", sa.Integer(), server_default="0", nullable=False))
        batch_op.add_column(sa.Column("extended", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("held_at", Utc(timezone=True), nullable=True))
        batch_op.alter_column("expires_at", existing_type=Utc(timezone=True), nullable=True)
    # Two accounts of one customer may both have claimed so far: each keeps what it has, as another piece.
    op.execute(
        "UPDATE sale_claims SET held_at = claimed_at, buyer = COALESCE("
        "(SELECT 'customer:' || persons.customer_id FROM persons WHERE persons.id = sale_claims.person_id),"
        " 'person:' || person_id)"
    )
    op.execute(
        "UPDATE sale_claims SET piece = 1 + (SELECT COUNT(*) FROM sale_claims AS other"
        " WHERE other.sale_id = sale_claims.sale_id AND other.buyer = sale_claims.buyer AND other.id < sale_claims.id)"
    )
    with op.batch_alter_table("sale_claims", schema=None) as batch_op:
        batch_op.create_unique_constraint("uq_sale_claims_sale_buyer_piece", ["sale_id", "buyer", "piece"])
    op.create_index("ix_timers_kind", "timers", ["kind", "due_at"])
    for name, column, status in (("waiting", "place", "waiting"), ("held", "expires_at", "held")):
        where = sa.text(f"status = '{status}'")
        op.create_index(
            f"ix_sale_claims_{name}", "sale_claims", ["sale_id", column], sqlite_where=where, postgresql_where=where
        )
    _look_at_holds_once_a_sale()


def _look_at_holds_once_a_sale() -> None:
    """Put one timer of the sale in the place of one for each hold."""
    claims = sa.table(
        "sale_claims", sa.column("sale_id"), sa.column("status"), sa.column("expires_at", Utc(timezone=True))
    )
    sales = sa.table("sales", sa.column("id"), sa.column("status"), sa.column("starts_at", Utc(timezone=True)))
    connection = op.get_bind()
    connection.execute(sa.delete(_TIMERS).where(_TIMERS.c.kind == "claim_expire"))
    first = (
        sa.select(sales.c.id, sa.func.coalesce(sa.func.min(claims.c.expires_at), sa.func.min(sales.c.starts_at)))
        .outerjoin(claims, sa.and_(claims.c.sale_id == sales.c.id, claims.c.status == "held"))
        .where(sa.or_(sales.c.status == "running", claims.c.sale_id.is_not(None)))
        .group_by(sales.c.id)
    )
    for sale_id, due_at in connection.execute(first).all():
        row = {"key": f"sale:{sale_id}:expire", "kind": "sale_expire", "payload": {"sale_id": sale_id}}
        connection.execute(sa.insert(_TIMERS).values(**row, due_at=due_at, attempts=0))


def _as_the_older_schema_has_it() -> None:
    op.execute("DELETE FROM timers WHERE kind IN ('sale_expire','sale_tell','sale_open','sale_moment','sale_card')")
    op.execute("DELETE FROM timers WHERE kind = 'sale_announce' AND key NOT LIKE '%start'")
    op.execute("UPDATE sales SET status = 'draft' WHERE status = 'planned'")
    op.execute("UPDATE sales SET status = 'ended' WHERE status IN ('paused', 'cancelled')")
    # It cannot ask for these conditions. That a sale has begun stays true without one.
    op.execute(
        "UPDATE outbox SET guard = NULL WHERE status = 'waiting'"
        " AND author IN (SELECT 'campaign:sale:' || id FROM sales)"
    )
    op.execute(
        "UPDATE outbox SET status = 'dropped', reason = 'older schema' WHERE status = 'waiting'"
        " AND (CAST(guard AS TEXT) LIKE '%\"sale_left\"%' OR CAST(guard AS TEXT) LIKE '%\"claim\"%')"
    )
    op.execute("UPDATE sale_claims SET status = 'released' WHERE status NOT IN ('held', 'paid', 'released')")
    op.execute("UPDATE sale_claims SET expires_at = claimed_at WHERE expires_at IS NULL")
    _leave_one_claim_a_person()
    _look_at_each_hold()


def _leave_one_claim_a_person() -> None:
    """Delete all but the best one; what the others held is for everybody again."""
    op.execute(
        "UPDATE sale_claims SET status = CASE status WHEN 'held' THEN 'freed' ELSE 'spare' END WHERE id IN ("
        "SELECT id FROM (SELECT id, ROW_NUMBER() OVER (PARTITION BY sale_id, person_id ORDER BY"
        " CASE status WHEN 'paid' THEN 1 WHEN 'held' THEN 2 ELSE 3 END, piece) AS nth FROM sale_claims) AS ranked"
        " WHERE nth > 1)"
    )
    op.execute(
        "UPDATE sales SET available = available + (SELECT COUNT(*) FROM sale_claims"
        " WHERE sale_claims.sale_id = sales.id AND sale_claims.status = 'freed')"
    )
    op.execute("DELETE FROM sale_claims WHERE status IN ('freed', 'spare')")


def _look_at_each_hold() -> None:
    """Put a timer for each hold in the place of the one of the sale."""
    connection = op.get_bind()
    claims = sa.table("sale_claims", sa.column("id"), sa.column("status"), sa.column("expires_at", Utc(timezone=True)))
    held = sa.select(claims.c.id, claims.c.expires_at).where(claims.c.status == "held")
    for claim_id, due_at in connection.execute(held).all():
        row = {"key": f"claim:{claim_id}:expire", "kind": "claim_expire", "payload": {"claim_id": claim_id}}
        connection.execute(sa.insert(_TIMERS).values(**row, due_at=due_at, attempts=0))


def downgrade() -> None:
    with op.batch_alter_table("outbox", schema=None) as batch_op:
        batch_op.drop_column("pins")
    _as_the_older_schema_has_it()
    op.drop_index("ix_timers_kind", table_name="timers")
    op.drop_index("ix_sale_claims_held", table_name="sale_claims")
    op.drop_index("ix_sale_claims_waiting", table_name="sale_claims")
    with op.batch_alter_table("sale_claims", schema=None) as batch_op:
        batch_op.drop_constraint("uq_sale_claims_sale_buyer_piece", type_="unique")
        for column in ("held_at", "extended", "place", "piece", "buyer"):
            batch_op.drop_column(column)
        batch_op.alter_column("expires_at", existing_type=Utc(timezone=True), nullable=False)
        batch_op.create_unique_constraint("uq_sale_claims_sale_person", ["sale_id", "person_id"])
    with op.batch_alter_table("sales", schema=None) as batch_op:
        for column in (
            "last_place",
            "was_planned",
            "approved_by",
            "made_by",
            "texts",
            "pay_url",
            "min_age_s",
            "early",
            "offer_s",
            "limit_each",
        ):
            batch_op.drop_column(column)
