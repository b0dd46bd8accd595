"""Bytes to records and back, without files or sockets."""
