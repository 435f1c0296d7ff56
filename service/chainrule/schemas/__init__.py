"""The wire contract: reading requests, writing replies, and the models of both."""
