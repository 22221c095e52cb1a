"""What every surface owes: each result counts in the profile of the surface that it ran on."""
