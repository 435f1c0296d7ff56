"""Pictures as text: plots and graphs in SVG, graphs in DOT.

It draws plain data and knows nothing of networks. What is drawn may be named by anybody: every text is escaped here.
"""
