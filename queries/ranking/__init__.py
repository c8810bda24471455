"""From a query to pictures in order, and how far each can be trusted. Start with `nearest`."""
