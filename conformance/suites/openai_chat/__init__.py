"""What only the Chat Completions surface owes."""
