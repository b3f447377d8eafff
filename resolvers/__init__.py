"""Root fields and mutations: thin, each in its noun's file."""
