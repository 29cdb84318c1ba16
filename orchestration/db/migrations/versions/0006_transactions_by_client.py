"""Index transactions by client: a small incremental build reads all rows of a few clients."""

from alembic import op

revision = "0006_transactions_by_client"
down_revision = "0005_rates"


def upgrade() -> None:
    """Create the index, if the table exists and belongs to this role."""
    op.execute(
        """
        do $$ begin
            if pg_has_role((select relowner from pg_class where oid = to_regclass('billing.transactions')), 'usage') then
                create index if not exists transactions_client_id on billing.transactions (client_id);
            end if;
        end $$
        """
    )
