"""Keys stay where they belong, and clients never mix."""
