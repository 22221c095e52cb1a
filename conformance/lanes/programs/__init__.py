"""Programs that run in the environments of the lanes, and import nothing of ours."""
