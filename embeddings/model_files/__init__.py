"""Files of models and weights, read as data: nothing in them is run."""
