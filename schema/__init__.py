"""GraphQL types, each declared once."""
