"""What only the Messages surface owes."""
