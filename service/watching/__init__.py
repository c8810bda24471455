"""What shows a service running: request ids, the log, metrics, traces, and whether it is ready."""
