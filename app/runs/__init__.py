"""Where runs are kept, so that readers may come back to them."""
