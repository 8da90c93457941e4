"""Files on disk: written whole or not at all, locked, and never over what a command reads."""
