"""Only persons with a customer stand in the index of customers.

With the others in it, SQLite holds them for one customer and reads all persons rather than use the index.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    where = sa.text("customer_id IS NOT NULL")
    op.drop_index("ix_persons_customer_id", table_name="persons")
    op.create_index("ix_persons_customer", "persons", ["customer_id"], sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    op.drop_index("ix_persons_customer", table_name="persons")
    op.create_index("ix_persons_customer_id", "persons", ["customer_id"])
