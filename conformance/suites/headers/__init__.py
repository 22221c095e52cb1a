"""Headers and queries that clients and providers exchange over the gateway."""
