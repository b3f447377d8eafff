"""GraphQL over WebSocket: the protocol graphql-transport-ws, as github.com/enisdenjo/graphql-ws defines it."""
