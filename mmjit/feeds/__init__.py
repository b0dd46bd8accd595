"""Foreign files to tapes, one feed a module."""
