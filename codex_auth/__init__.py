"""Sign in to OpenAI Codex with several logins, and keep each one as a named profile."""

__version__ = "0.1.0"
