"""``python -m milvise``."""

from milvise.cli import main

if __name__ == "__main__":
    main()
