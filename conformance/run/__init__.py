"""One run: what is staged, which cases are selected, what each check leaves, what comes of it."""
