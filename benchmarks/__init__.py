"""Gateways side by side: how many calls, how soon, and at what price in processor time."""
