"""Turns an operation into one SQL statement whose value is the response. Knows no noun of the shop."""
