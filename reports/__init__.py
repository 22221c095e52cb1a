"""The report: model, renderers, diff."""
