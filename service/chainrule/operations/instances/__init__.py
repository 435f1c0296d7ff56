"""Instances of templates, drawn from seeds, and the problems on file that they come from."""
