"""The reference gateway, the scripted upstream and a client as images, and the way to the engine that runs them."""
