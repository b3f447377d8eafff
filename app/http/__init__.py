"""GraphQL over HTTP: one raw ASGI endpoint, strict about what it takes in and careful about what it says."""
