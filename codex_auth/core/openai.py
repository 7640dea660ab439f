"""Who OpenAI is, and who we are there."""

OPENAI_ISSUER = "https://auth.openai.com"
OPENAI_HOST = "auth.openai.com"
OPENAI_CLIENT_ID = "app_EMoamEEZ73f0CkXaXp7hrann"
"""The public client id of Codex (codex-rs/login/src/auth/manager.rs); a public client has no secret."""
OPENAI_SCOPE = "openid profile email offline_access api.connectors.read api.connectors.invoke"
ORIGINATOR = "codex_auth"
"""Who we say we are; Codex itself says `codex_cli_rs`."""
