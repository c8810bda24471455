"""What runs a network: Keras, on a GPU where there is one, or OpenVINO. Start with `engines`."""
