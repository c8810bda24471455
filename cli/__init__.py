"""The command line: it parses, calls an operation or a query, and shows what comes back."""
