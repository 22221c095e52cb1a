"""What the gateways of Fjord owe beside what every gateway does."""
