"""One protocol at the client, another at the provider.

Every check here also holds where nothing is translated: that is how it is proved on the upstream itself and on the
faulty relays. A target runs it on each pair of protocols that its models declare.
"""
