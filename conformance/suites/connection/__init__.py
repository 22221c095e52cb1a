"""Calls that are cancelled, cut, repeated or held up."""
