"""Users of the pages, their roles and their sessions."""
