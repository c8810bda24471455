"""Stored vectors and labels to heads, and labelled pictures to backbones. Start at `train.py`."""
