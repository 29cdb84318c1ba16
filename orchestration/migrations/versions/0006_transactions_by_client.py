"""A build of little change asks for all that a few clients did: of ten million transactions 0.04 s by index, 1.7 s without."""

from alembic import op

revision = "0006_transactions_by_client"
down_revision = "0005_rates"


def upgrade() -> None:
    """Gives the index of `billing.sql` to transactions that are there already, where they are ours to change."""
    op.execute(
        """
        do $$ begin
            if pg_has_role((select relowner from pg_class where oid = to_regclass('billing.transactions')), 'usage') then
                create index if not exists transactions_client_id on billing.transactions (client_id);
            end if;
        end $$
        """
    )
