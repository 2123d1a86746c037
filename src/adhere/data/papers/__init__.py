"""How a document of a domain is laid out, filled in and written."""
