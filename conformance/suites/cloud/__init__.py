"""Claude on Bedrock and on Vertex AI, OpenAI's models on Azure: each in the cloud's own protocol."""
