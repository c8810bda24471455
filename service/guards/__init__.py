"""Guards before the routes: keys, limits, origins, sizes, and turns for what is costly."""
