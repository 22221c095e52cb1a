"""One hub, one codec a protocol: any client to any provider.

Where client and provider speak the same protocol none of this is used: bytes pass untouched.
"""
