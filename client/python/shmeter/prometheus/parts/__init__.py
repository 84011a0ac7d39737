"""Parts of metrics."""
