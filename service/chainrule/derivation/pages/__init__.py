"""A derivation as pages: blocks made of a reply of `derivation`, and their renderings in LaTeX and HTML."""
