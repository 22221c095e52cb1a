"""Gemini's generateContent, as Google's SDK and plain HTTP see it."""
