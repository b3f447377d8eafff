"""What may be done with personal data: collection, consent, disclosure, retention, erasure."""
