"""Index transactions by client and instant, because builds read them in this order."""

from alembic import op

revision = "0009_transactions_index"
down_revision = "0008_report_store"


def upgrade() -> None:
    """Replace the index by client, if the table exists and belongs to this role."""
    op.execute(
        """
        do $$ begin
            if pg_has_role((select relowner from pg_class where oid = to_regclass('billing.transactions')), 'usage') then
                create index if not exists transactions_client_occurred_at
                on billing.transactions (client_id, occurred_at);
                drop index if exists billing.transactions_client_id;
            end if;
        end $$
        """
    )
