"""What every room may use: arrays, records, settings, lines and chunks. It imports nothing of milvise but its errors."""
