"""What a key may use: requests and tokens a minute, calls at once, money."""
