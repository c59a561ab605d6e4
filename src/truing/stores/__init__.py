"""Stores: databases and blobs behind the ports of the domain."""
