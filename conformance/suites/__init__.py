"""The checks, one folder a profile; `surfaces` holds what every surface owes."""
