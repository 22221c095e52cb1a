"""What only the Responses surface owes."""
