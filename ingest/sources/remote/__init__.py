"""Pictures that are not on this machine: stores of objects and web servers, read through fsspec with one bound on connections."""
