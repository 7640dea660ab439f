"""The way to the provider: proxy, authorities, and the one place that sends a request."""
