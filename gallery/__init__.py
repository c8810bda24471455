"""What a gallery is: its names in Milvus, its live collections, the models behind them, the pair that is written, projection and verification."""
