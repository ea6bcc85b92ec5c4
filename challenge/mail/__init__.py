"""Mail that goes out after the request: a row is the outbox, a worker sends it."""
