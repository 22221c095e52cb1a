"""What a gateway tells of its calls: all of them, rightly, and nothing of what they said."""
