"""What has changed since a gallery was loaded: which pictures are new, other ones, or gone."""
