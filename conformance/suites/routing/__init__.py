"""The credentials of clients: how they may be carried, and what is refused."""
