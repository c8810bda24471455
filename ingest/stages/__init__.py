"""What becomes of a batch, stage by stage: functions from a batch to a batch, whatever runs them."""
