"""Routes: each parses a request, calls a query or an operation, and answers with a body of `milvise.service.bodies.hits`."""
