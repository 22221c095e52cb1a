"""The conformance harness for LLM gateways."""
