"""An authorization server for one machine that behaves as OpenAI's does for Codex.

It serves `codex-auth demo`, our tests, and anyone who tests a Codex integration. It stands apart: nothing here imports
the rest of the program, and every token it issues is marked as its own.
"""
