"""Python client of the chainrule service."""
